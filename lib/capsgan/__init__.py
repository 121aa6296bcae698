"""capsgan: do capsule discriminators make better GANs?

The calls that notebooks and programs use; each lives in the module named beside it.
"""

import importlib

_HOMES = {
    "RunConfig": "config",
    "get_profile": "profiles",
    "load_dataset": "datasets",
    "build_generator": "networks",
    "build_discriminator": "networks",
    "layer_table": "inspection",
    "multiply_adds": "inspection",
    "generate_images": "sampling",
    "Run": "runs",
    "list_runs": "runs",
    "load_run": "runs",
    "ReferenceRun": "reference",
    "list_references": "reference",
    "load_reference": "reference",
    "train": "training",
    "train_grid": "grid",
    "comparison_table": "comparison",
    "score": "evaluation.scoring",
    "evaluate": "evaluation.run_scores",
    "make_masks": "masks",
    "regenerate": "regeneration",
    "regenerate_photos": "photos",
}
__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str):  # imported when first used: `python -m capsgan --help` needs no Keras
    if name not in _HOMES:
        raise AttributeError(f"module 'capsgan' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
