"""One game, three backends: the same losses, the same movements; runs that change the backend on their way.

A game of two networks amplifies rounding: Adam's first steps are signs of gradients, and where a gradient is nearly
zero the last digit decides the sign; a few steps later two faithful games are two games. So each of twelve steps begins
for all backends at the weights and the optimizers' state that TensorFlow has then.
"""

import functools
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import backend_worker as worker
import numpy as np
import pytest

from capsgan.config import RunConfig
from capsgan.gans.base import METRICS
from capsgan.runs.checkpoints import checkpoint_paths
from capsgan.runs.run import load_run
from capsgan.training.loop import train

NAMES = [f"{gan}-{trunk}" for gan in ("dcgan", "wgan", "acgan", "infogan") for trunk in ("cnn", "caps")]
NAMES += ["wgan_gp-caps", "completion-caps", "superres-cnn", "restore-cnn"]
STEPS = 12
OTHERS = ["jax", "torch"]
LIBRARY = Path(worker.__file__).parents[2] / "lib"
pytestmark = pytest.mark.slow
every_game = pytest.mark.parametrize("name", NAMES)
every_player = pytest.mark.parametrize("player", ["generator", "discriminator"])
every_other_backend = pytest.mark.parametrize("backend", OTHERS)


def need(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install {backend}")


def environment(backend):
    quick = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"  # to compile, not to run
    variables = {"KERAS_BACKEND": backend, "PYTHONPATH": str(LIBRARY), "JAX_PLATFORMS": "cpu", "XLA_FLAGS": quick}
    return os.environ | variables


class Worker:
    """A process that plays single steps under one backend."""

    def __init__(self, backend):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([sys.executable, worker.__file__], env=environment(backend), **pipes)

    def begin(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def wait(self):
        assert "done" in self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


@functools.cache
def numbers_of(name):
    """Player → the places of its trained weights among the variables of a game."""
    gan, found = worker.make(name), {}
    for player in ("generator", "discriminator"):
        own = {id(variable) for variable in getattr(gan, player).trainable_variables}
        found[player] = [number for number, variable in enumerate(gan.variables) if id(variable) in own]
    return found


def movements(name, before, after):
    """Player → how its trained weights moved, as one vector."""
    return {
        player: np.concatenate([(after[number] - before[number]).ravel() for number in numbers])
        for player, numbers in numbers_of(name).items()
    }


def distance(ours, theirs):
    """How far one movement lies from another, as a share of it."""
    return np.linalg.norm(ours - theirs) / np.linalg.norm(ours)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """12 steps: (name, backend) → losses [12, 2]; (name, backend, player) → distances to TensorFlow's movement [12]."""
    folder = tmp_path_factory.mktemp("played")
    workers = {name: Worker(name) for name in ("tensorflow", *OTHERS) if importlib.util.find_spec(name)}
    found = {}
    for name in NAMES:
        for step in range(1, STEPS + 1):
            before = folder / f"{name}-{step}.npz"
            files = {backend: folder / f"{backend}.npz" for backend in workers}
            workers["tensorflow"].begin(name, step, before, files["tensorflow"])
            workers["tensorflow"].wait()
            others = [backend for backend in workers if backend != "tensorflow"]
            for backend in others:
                workers[backend].begin(name, step, before, files[backend])
            for backend in others:
                workers[backend].wait()
            start = worker.load(before)
            ours = movements(name, start, worker.load(files["tensorflow"]))
            for backend, file in files.items():
                with np.load(file) as archive:
                    metrics = archive["metrics"]
                losses = metrics[[METRICS.index("g_loss"), METRICS.index("d_loss")]]
                found.setdefault((name, backend), []).append(losses)
                for player, movement in movements(name, start, worker.load(file)).items():
                    found.setdefault((name, backend, player), []).append(distance(ours[player], movement))
            before.unlink()
            files["tensorflow"].rename(folder / f"{name}-{step + 1}.npz")
        (folder / f"{name}-{STEPS + 1}.npz").unlink()
    for process in workers.values():
        process.close()
    return {key: np.array(value) for key, value in found.items()}


@every_game
@every_other_backend
def test_the_losses_are_the_same_under_every_backend(played, backend, name):
    need(backend)
    ours, theirs = played[name, "tensorflow"], played[name, backend]
    assert ours.shape == (STEPS, 2) and np.isfinite(ours).all()
    assert (np.abs(theirs - ours) < 1e-3 * np.abs(ours).max(axis=0)).all()


@every_player
@every_game
@every_other_backend
def test_both_players_move_alike_under_every_backend(played, backend, name, player):
    """In most steps to four digits; in a few the last digit decides on which side of a ReLU a value falls.

    A difference in the arithmetic would show in every step, so the nearest quarter of the steps is held to the limit.
    """
    need(backend)
    distances = played[name, backend, player]
    assert np.quantile(distances, 0.25) < 0.002 and max(distances) < 0.2


def test_a_frozen_player_would_be_noticed(tmp_path):
    """Its movement is as far from ours as ours is long: distance 1, a hundred times the limit."""
    ours = movements("dcgan-caps", start := worker.values(worker.make("dcgan-caps")), [array + 1 for array in start])
    frozen = movements("dcgan-caps", start, start)
    assert all(distance(ours[player], frozen[player]) == 1 for player in ours)


CONFIG = RunConfig("acgan", "caps", steps=6, batch_size=8, width=1 / 32, fraction=0.1, seed=2)


def command_line(backend, home, *arguments):
    command = [sys.executable, "-m", "capsgan", *arguments]
    variables = environment(backend) | {"CAPSGAN_HOME": str(home)}
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@every_other_backend
def test_a_run_goes_on_under_another_backend_and_is_read_under_the_first(backend, home, tmp_path_factory, monkeypatch):
    need(backend)
    whole = train(CONFIG, progress=False)
    monkeypatch.setenv("CAPSGAN_HOME", str(other := tmp_path_factory.mktemp("other")))
    with pytest.raises(KeyboardInterrupt, match="stopped after step 1"):
        train(CONFIG, stop_after=0, progress=False)
    assert len(checkpoint_paths(load_run("acgan").checkpoints)) == 1
    options = ["--gan", "acgan", "--discriminator", "caps", "--steps", "6", "--batch-size", "8", "--width", "0.03125"]
    options += ["--fraction", "0.1", "--seed", "2", "--backend", backend]
    done = command_line("tensorflow", other, "train", *options)
    assert done.returncode == 0, done.stderr
    assert "going on after step 1" in done.stdout
    run = load_run("acgan")
    assert run.finished and run.directory.name == whole.directory.name
    assert [session["backend"] for session in run.provenance["sessions"]] == ["tensorflow", backend]
    assert [session["from_step"] for session in run.provenance["sessions"]] == [1, 2]
    for column in ("g_loss", "d_loss"):
        np.testing.assert_allclose(run.history[column], whole.history[column], rtol=2e-3)
    np.testing.assert_allclose(run.generate(4, seed=1), whole.generate(4, seed=1), atol=0.02)


@pytest.mark.parametrize("backend", ["tensorflow", *OTHERS])
def test_steps_in_one_call_are_the_same_steps(backend, tmp_path):
    need(backend)
    program = """
import numpy as np, sys
from capsgan.config import RunConfig
from capsgan.training.loop import train
config = RunConfig("dcgan", "cnn", steps=12, batch_size=4, fraction=0.05, seed=int(sys.argv[1]))
run = train(config, steps_per_call=int(sys.argv[2]), force=True, progress=False)
print(run.history[["step", "g_loss", "d_loss"]].to_json(double_precision=10))
"""
    answers = []
    for size in ("1", "4"):
        variables = environment(backend) | {
            "CAPSGAN_HOME": str(tmp_path),
            "XLA_FLAGS": "",
        }  # its quick code rounds less well
        command = [sys.executable, "-c", program, "7", size]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        answers.append(json.loads(done.stdout.splitlines()[-1]))
    singly, together = answers
    assert singly["step"] == together["step"]
    for column in ("g_loss", "d_loss"):
        ours, theirs = (np.array(list(found[column].values())) for found in (together, singly))
        np.testing.assert_allclose(ours[:6], theirs[:6], rtol=1e-4)  # two calls
        np.testing.assert_allclose(ours, theirs, rtol=1e-2)  # on some CPUs XLA rounds a loop differently; it grows


@pytest.mark.parametrize("backend", ["tensorflow", *OTHERS])
def test_input_gradients_can_be_differentiated_again(backend):
    """f(x) = a x³: df/dx = 3 a x², and by a: 3 x²."""
    need(backend)
    program = """
import keras, numpy as np
from keras import ops
from capsgan.engines import get_engine
engine = get_engine()
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
model.set_weights([np.array([[2.0]], "float32")])
optimizer = keras.optimizers.SGD(1.0)
optimizer.build(model.trainable_variables)
def loss(x):
    gradient = engine.input_gradient(lambda x: model(x) * x * x, x)
    return ops.sum(gradient), gradient
def play(update, data, item):
    loss_value, gradient = update(model, optimizer, loss, item)
    return loss_value, ops.sum(gradient)
run = engine.compile_steps(play, [*model.variables, *optimizer.variables])
print(run((), [np.array([[1.0], [2.0]], "float32")]).tolist(), float(model.get_weights()[0][0, 0]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(backend), capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[-2] == "[[30.0, 30.0]] -13.0"


@pytest.mark.parametrize("backend", ["tensorflow", *OTHERS])
def test_adam_moves_large_and_small_weights_as_its_equations_say(backend):
    """By whole numbers as gradients, exact in bfloat16, and by an ε large enough to show where it is added."""
    need(backend)
    program = """
import keras, numpy as np
from keras import ops
from capsgan.engines import get_engine
from capsgan.networks.layers import Conv2D
keras.config.set_dtype_policy("mixed_bfloat16")
layers = [keras.Input((9, 9, 120)), Conv2D(120, 9), keras.layers.Flatten()]  # more than 2**20 weights, and a bias
model = keras.Sequential(layers)
rng = np.random.default_rng(0)
rate, beta_1, beta_2, epsilon = 0.01, 0.5, 0.9, 0.5
optimizer = keras.optimizers.Adam(rate, beta_1, beta_2, epsilon)
optimizer.build(model.trainable_variables)
before, slopes = model.get_weights(), rng.integers(-3, 4, 120).astype("float32")
def loss(x):
    value = ops.sum(ops.multiply(ops.cast(model(x), "float32"), slopes))
    return value, value
def play(update, data, item):
    return update(model, optimizer, loss, item)
items = [rng.integers(-3, 4, (1, 9, 9, 120)).astype("float32") for _ in range(3)]
run = get_engine().compile_steps(play, [*model.variables, *optimizer.variables], 3)
run((), items)
for weights, after, gradients in zip(
    before, model.get_weights(), ([np.multiply.outer(x[0], slopes) for x in items], [slopes] * 3), strict=True
):
    m = v = 0.0
    for step, g in enumerate(gradients, 1):
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        weights = weights - rate * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step) * m / (v**0.5 + epsilon)
    np.testing.assert_allclose(after, weights, atol=2e-6)
print("as Keras")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(backend), capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("as Keras\n"), done.stderr


@pytest.mark.parametrize("backend", ["tensorflow", *OTHERS])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_convolutions_are_sums_over_their_taps(backend, padding):
    """Even and odd sizes, kernels and strides: under 'same' the larger half of the border is below and to the right."""
    need(backend)
    program = """
import sys
import keras, numpy as np
from capsgan.networks.layers import Conv2D
rng, padding = np.random.default_rng(0), sys.argv[1]
for height, width, taps, stride in ((7, 8, 3, 1), (7, 8, 3, 2), (9, 6, 4, 2), (12, 13, 9, 2)):
    if padding == "valid" and min(height, width) < taps:
        continue
    x = rng.normal(size=(2, height, width, 3)).astype("float32")
    layer = Conv2D(4, taps, stride, padding)
    found = keras.ops.convert_to_numpy(layer(x))
    kernel = layer.get_weights()[0]
    if padding == "same":
        gaps = [max(0, (-(-size // stride) - 1) * stride + taps - size) for size in (height, width)]
        x = np.pad(x, ((0, 0), *((gap // 2, gap - gap // 2) for gap in gaps), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (taps, taps), (1, 2))[:, ::stride, ::stride]
    np.testing.assert_allclose(found, np.einsum("bhwcij,ijcf->bhwf", windows, kernel), atol=1e-4)
print("as defined")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, padding], env=environment(backend), capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("as defined\n"), done.stderr


def test_a_backend_that_is_not_there_is_named(home):
    for backend, answer in (("theano", "expected tensorflow | jax | torch"), ("numpy", "expected tensorflow")):
        done = command_line(backend, home, "train", "--steps", "1")
        assert done.returncode == 2 and answer in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_run_that_would_not_end_is_refused_in_one_line(home):
    pytest.importorskip("jax")
    done = command_line(
        "jax", home, "train", "--discriminator", "caps", "--precision", "mixed_bfloat16", "--device", "cpu"
    )
    assert done.returncode == 2 and "--precision float32" in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (home / "runs").exists()
