"""``train(config)``: the loop, and nothing else."""

import math
import time
from collections.abc import Callable, Sequence

import keras

from ..checks import require
from ..config import RunConfig
from ..data.datasets import load_dataset
from ..engines import check_device, get_engine
from ..gans import build_gan
from ..gans.base import METRICS, SAMPLING, random_stream
from ..gans.sampling import generate_images
from ..runs.checkpoints import all_finite, checkpoint_paths, read_checkpoint, restore_variables, save_checkpoint
from ..runs.provenance import describe, peak_memory_mb, reset_peak_memory
from ..runs.run import Run, history_frame, now, run_for
from ..runs.writer import RecordedRun
from .pacing import Pacing, drawn_ahead, stop_signals
from .progress import progress_bar, report_progress
from .step import compile_step

GRID = 25  # images of a sample grid


class TrainingDiverged(ArithmeticError):
    """A loss is not finite any more."""


def train(
    config: RunConfig,
    *,
    force: bool = False,  # train again even if the run is finished
    device: str = "auto",  # auto | cpu | gpu
    checkpoint_every: int | None = None,  # steps; None: about once a tenth of the run, 500 at most
    samples_every: int | None = None,  # steps between sample grids; None: about 20 grids
    stop_after: float | None = None,  # seconds after which training stops between two steps, as for Ctrl-C
    steps_per_call: int | None = None,  # steps that the device does between two returns; None: as the engine likes it
    callbacks: Sequence[Callable] = (),  # each called as callback(run, step, metrics) after every step
    progress: bool = True,
) -> Run:
    """Train the run of ``config``, load it if it is finished, or continue where it stopped.

    A run may start under one backend and continue under another: data, latents and weights are the same; only the
    dropout's masks differ. Its provenance lists each session with its backend.

    A callback gets the run, the step's number, and its losses, accuracies and seconds by name, once all files of the
    step, or of all steps of one call, are written. See :class:`capsgan.training.callbacks.TensorBoard`.

    Returns the finished run. Raises ``ValueError`` before training for an invalid config, device or dataset,
    ``TrainingDiverged`` if a loss is not finite, ``DiskError`` if a file cannot be written, and ``KeyboardInterrupt``
    after Ctrl-C, SIGTERM, SIGHUP or ``stop_after``, once a checkpoint is saved.
    """
    counts = {"checkpoint_every": checkpoint_every, "samples_every": samples_every, "steps_per_call": steps_per_call}
    for name, value in counts.items():
        require(value is None or value >= 1, name, value, "1 or more, or None")
    deadline = time.monotonic() + (math.inf if stop_after is None else stop_after)
    device = check_device(device)
    run = RecordedRun(run_for(config).directory, config)
    if not force and run.is_done():
        return run
    getattr(get_engine(), "check_run", lambda *_: None)(config, device)
    with run.wait_for_lock(), keras.device(device):
        if not force and run.is_done():
            return run
        reset_peak_memory()
        dataset = load_dataset(config.dataset, **config.data_options)
        if len(dataset) < config.batch_size:
            raise ValueError(
                f"batch_size={config.batch_size} is more than the {len(dataset)} training images of {config.dataset!r} "
                f"at fraction={config.fraction:g}; expected up to {len(dataset)}, or use more images"
            )
        gan = build_gan(config, dataset.image_shape, dataset.classes)
        if force:
            run.discard()
        run.write_json("config.json", config.to_dict())
        rows = _resume(run, gan)
        pacing = Pacing(
            first=int(rows[-1][0]) + 1 if rows else 1 - config.discriminator_warmup,
            last=config.steps,
            snapshots=config.snapshots,
            checkpoint_every=checkpoint_every or max(1, min(500, config.steps // 10)),
            samples_every=samples_every or max(1, config.steps // 20),
            steps_per_call=steps_per_call or get_engine().STEPS_PER_CALL[device[:3]],
        )
        provenance = _begin_session(run, describe(config, dataset, device), pacing)

        play = compile_step(gan, dataset.images, dataset.labels, pacing.steps_per_call)
        shown = gan.draw_codes(random_stream(config.seed, stream=SAMPLING), GRID, len(dataset))
        grid_codes = gan.condition(shown, dataset.images)
        judged = None if gan.discriminator else 1  # without an adversary there are no numbers about it

        with stop_signals() as stopped, progress_bar(config, pacing.first, progress) as bar:
            for steps, batches in drawn_ahead(lambda step: gan.draw_batch(step, len(dataset)), pacing.calls()):
                begin = time.perf_counter()
                answers = play(batches, train_generator=steps[0] > 0)
                seconds = (time.perf_counter() - begin) / len(steps)
                for step, metrics in zip(steps, answers, strict=True):
                    rows.append((step, *map(float, metrics), seconds))
                    if not all(math.isfinite(value) for value in metrics[0 if step > 0 else 1 : judged]):
                        raise _diverged(run, step, rows[-1])
                step = steps[-1]
                stopping = bool(stopped) or (time.monotonic() > deadline and step < config.steps)
                saving = pacing.saves(step) or stopping
                if (saving or step == config.steps) and not all_finite(gan.variables):
                    raise _diverged(run, step, rows[-1])  # the loss is taken before the move that ruined the weights
                if step in config.snapshots:
                    run.write_snapshot(step, gan.generator)
                if pacing.samples(step):
                    run.write_samples(step, generate_images(gan, grid_codes))
                if saving:
                    save_checkpoint(run.checkpoints, step, gan.variables, history_frame(rows).to_numpy())
                for row in rows[len(rows) - len(steps) :] if callbacks else ():
                    for callback in callbacks:
                        callback(run, row[0], dict(zip((*METRICS, "seconds"), row[1:], strict=True)))
                if stopping:
                    where = f"{run.directory.name} stopped after step {step}"
                    raise KeyboardInterrupt(f"{where}; the same call continues from there (without force)")
                report_progress(bar, rows, len(steps), pacing)

        gan.settle((gan.draw_batch(step, len(dataset)) for step in range(1, min(20, config.steps) + 1)), dataset.images)
        history, peak = history_frame(rows), peak_memory_mb()
        provenance |= {"finished": now(), "wall_seconds": round(history.seconds.sum(), 3)}
        run.finish(gan, history, provenance | {"peak_memory_mb": peak and round(peak, 1)})
    return run


def _begin_session(run: RecordedRun, description: dict, pacing: Pacing) -> dict:
    before = run.provenance
    session = {name: description[name] for name in ("backend", "device", "cpu", "gpu", "threads", "commit")}
    session |= {"from_step": pacing.first, "steps_per_call": pacing.steps_per_call, "started": now()}
    provenance = {"started": before.get("started", now()), "status": "running"} | description
    provenance["sessions"] = [*before.get("sessions", []), session]
    run.write_json("provenance.json", provenance)
    return provenance


def _resume(run: Run, gan) -> list[tuple]:
    checkpoint = read_checkpoint(run.checkpoints)
    if checkpoint is None:
        return []
    step, history, values = checkpoint
    run.check_source()
    restore_variables(gan.variables, values)
    print(f"{run.directory.name}: going on after step {step:,}", flush=True)
    return [tuple(row) for row in history]


def _diverged(run: RecordedRun, step: int, row: tuple) -> TrainingDiverged:
    values = ", ".join(f"{name} {value:g}" for name, value in zip(METRICS, row[1:], strict=False))
    saved = checkpoint_paths(run.checkpoints)
    good = f"the last good checkpoint is {saved[-1]}" if saved else "there is no checkpoint yet"
    run.write_json("provenance.json", run.provenance | {"status": "failed", "failed_at_step": step})
    return TrainingDiverged(f"{run.directory.name} diverged at step {step} ({values}); {good}")
