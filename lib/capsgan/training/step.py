"""One training step, compiled."""

from keras import ops

from ..engines import get_engine


def compile_step(gan, images, labels, steps_per_call: int = 1):
    """The step of a GAN, compiled, with the data already in the device's memory.

    ``images`` are uint8 [n, height, width, channels], ``labels`` whole numbers [n] or None. Returns ``(batches,
    train_generator=True) → float32 [steps, 5]``: ``METRICS`` of one step for each of up to ``steps_per_call`` batches.
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
