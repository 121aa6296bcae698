"""capsgan: do capsule discriminators make better GANs?

The calls that notebooks and programs use; each lives in the module named beside it.
"""

from .exports import exported

_HOMES = {
    "COMPARED_GANS": "names",
    "GANS": "names",
    "home": "paths",
    "RunConfig": "config",
    "get_profile": "profiles",
    "load_dataset": "data.datasets",
    "build_generator": "networks.generators",
    "build_discriminator": "networks.discriminators",
    "layer_table": "networks.inspection",
    "multiply_adds": "networks.inspection",
    "generate_images": "gans.sampling",
    "Run": "runs.run",
    "run_for": "runs.run",
    "list_runs": "runs.run",
    "load_run": "runs.run",
    "ReferenceRun": "runs.reference",
    "list_references": "runs.reference",
    "load_reference": "runs.reference",
    "list_pretrained": "runs.pretrained",
    "load_pretrained": "runs.pretrained",
    "get_engine": "engines",
    "compile_step": "training.step",
    "train": "training.loop",
    "TrainingDiverged": "training.loop",
    "train_grid": "training.grid",
    "comparison_table": "runs.table",
    "save_table": "runs.table",
    "score": "metrics.image_scores",
    "evaluate": "metrics.run_scores",
    "make_masks": "data.holes",
    "regenerate": "regeneration.reconstruction",
    "regenerate_photos": "regeneration.cropping",
}
__all__ = sorted(_HOMES)
__version__ = "0.1.0"

__getattr__ = exported(__name__, _HOMES)  # imported when first used: `python -m capsgan --help` needs no Keras
