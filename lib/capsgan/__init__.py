"""capsgan: do capsule discriminators make better GANs?

The calls that notebooks and programs use; each lives in the module named beside it.
"""

import importlib

_HOMES = {
    "RunConfig": "config",
    "get_profile": "profiles",
    "load_dataset": "data.datasets",
    "build_generator": "networks.generators",
    "build_discriminator": "networks.discriminators",
    "layer_table": "networks.inspection",
    "multiply_adds": "networks.inspection",
    "generate_images": "gans.sampling",
    "Run": "runs.run",
    "list_runs": "runs.run",
    "load_run": "runs.run",
    "ReferenceRun": "runs.reference",
    "list_references": "runs.reference",
    "load_reference": "runs.reference",
    "list_pretrained": "runs.pretrained",
    "load_pretrained": "runs.pretrained",
    "train": "training.loop",
    "train_grid": "training.grid",
    "comparison_table": "runs.table",
    "score": "metrics.image_scores",
    "evaluate": "metrics.run_scores",
    "make_masks": "data.holes",
    "regenerate": "regeneration.reconstruction",
    "regenerate_photos": "regeneration.cropping",
}
__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str):  # imported when first used: `python -m capsgan --help` needs no Keras
    if name not in _HOMES:
        raise AttributeError(f"module 'capsgan' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
