"""Made-up rows of results, in the columns that the study reads."""


def run_rows(gan, discriminator, seed, fraction=1.0, steps=2000, status="finished", **values):
    """Rows of one run: a number of each ``features__metric``."""
    name = f"{gan}-{discriminator}-{fraction}-{seed}"
    head = {"run": name, "gan": gan, "discriminator": discriminator, "seed": seed, "fraction": fraction, "steps": steps}
    head |= {
        "status": status,
        "dataset": "mnist",
        "image_size": 28,
        "batch_size": 32,
        "precision": "float32",
        "samples": 10_000,
    }
    if status == "failed":
        return [head]
    return [
        head | dict(zip(("features", "metric"), key.split("__"), strict=True)) | {"value": v}
        for key, v in values.items()
    ]
