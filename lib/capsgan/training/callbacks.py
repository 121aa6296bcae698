"""Hooks into a training: a callback is any function ``callback(run, step, metrics)``."""

from pathlib import Path

from ..data.pixels import read_png
from ..runs.run import Run


class TensorBoard:
    """Losses, accuracies and samples for ``tensorboard --logdir DIRECTORY``, a folder a run; needs ``tensorboardX``."""

    def __init__(self, directory: str | Path):
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ValueError("TensorBoard needs a package that is not installed; pip install tensorboardX") from error
        self.directory, self.make_writer, self.writers = Path(directory), SummaryWriter, {}

    def __call__(self, run: Run, step: int, metrics: dict[str, float]):
        """Write the results of one step."""
        name = run.directory.name
        if name not in self.writers:
            self.writers[name] = self.make_writer(str(self.directory / name), flush_secs=10)
        for metric, value in metrics.items():
            self.writers[name].add_scalar(metric, value, step)
        samples = run.directory / "samples" / f"step_{step:08d}.png"
        if samples.exists():
            self.writers[name].add_image("samples", read_png(samples), step, dataformats="HWC")
        if step == run.config.steps:
            self.writers.pop(name).close()
