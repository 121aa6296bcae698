"""Images of a run's generator at each of its snapshots, all from the same latents."""

from dataclasses import replace

import numpy as np

from ..data.pixels import to_uint8
from ..gans.inference import chunks, estimate_statistics
from ..gans.sampling import choose_codes, generate_images
from ..runs.run import Run

STATISTICS = 1000  # latents that BatchNormalization's statistics are estimated on: a multiple of CHUNK


class SnapshotSampler:
    """Generates in float32, with BatchNormalization's statistics estimated on fixed latents."""

    def __init__(self, run: Run, seed: int):
        self.run, self.seed = run, seed
        self.gan = run.build(replace(run.config, precision="float32"))
        self.steps = run.snapshot_steps or [run.config.steps]  # of the snapshots; the last step if the run kept none

    def codes(self, count: int) -> dict[str, np.ndarray]:
        """The latent codes of the images: the same at every step, and for every run of the same GAN."""
        return choose_codes(self.gan, count, self.seed)

    def generate(self, step: int, count: int) -> np.ndarray:
        """Uint8 [count, height, width, channels], of the snapshot at a step; ``ValueError`` if the weights make NaN."""
        generator, kept = self.gan.generator, step in self.run.snapshot_steps
        generator.set_weights(self.run.weights_at(step) if kept else self.run.gan.generator.get_weights())
        inputs = self.gan.generator_inputs(choose_codes(self.gan, STATISTICS, self.seed + 1))
        estimate_statistics(generator, chunks(inputs), lambda part: generator(part, training=True))
        images = generate_images(self.gan, self.codes(count))
        if not np.isfinite(images).all():
            name = self.run.directory.name
            raise ValueError(f"{name} generates NaN: its weights are ruined; train it again (force, --force)")
        return to_uint8(images)
