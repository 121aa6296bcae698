"""One training step, compiled."""

from keras import ops

from ..engines import get_engine


def compile_step(gan, images, labels, steps_per_call: int = 1):
    """The step of a GAN, compiled, over data that lies in the device's memory once.

    Args:
        gan: the players, see :class:`capsgan.gans.base.GAN`.
        images: uint8 [n, height, width, channels].
        labels: whole numbers [n], or None where the images have none.
        steps_per_call: the most batches that one call gets.

    Returns:
        A function ``(batches, train_generator=True) → float32 [steps, 5]``: plays one step for each batch of a list
        and answers with the values of ``METRICS``.
    """
    labels = ops.zeros(len(images), "int32") if labels is None else ops.convert_to_tensor(labels, "int32")
    data = ops.convert_to_tensor(images), labels

    def compiled(train_generator):
        def play(update, data, batch):
            return gan.step(update, *data, batch, train_generator)

        return get_engine().compile_steps(play, gan.variables, steps_per_call)

    kinds = {train_generator: compiled(train_generator) for train_generator in (True, False)}

    def run(batches, train_generator: bool = True):
        return kinds[train_generator](data, batches)

    run.traces = lambda: sum(kind.traces() for kind in kinds.values())
    return run
