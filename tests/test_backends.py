"""One game, three backends: the same losses, the same movements; runs that change the backend on their way.

A game of two networks amplifies rounding: Adam's first steps are signs of gradients, and where a gradient is nearly
zero the last digit decides the sign. So the movement over twenty steps is compared by its size and direction, and that
of one step from common weights weight by weight.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import backend_worker as worker
import numpy as np
import pytest

from capsgan.checkpoints import checkpoint_paths
from capsgan.config import RunConfig
from capsgan.gans.base import METRICS
from capsgan.runs import load_run
from capsgan.training import train

NAMES = [f"{gan}-{trunk}" for gan in ("dcgan", "wgan", "acgan", "infogan") for trunk in ("cnn", "caps")]
NAMES += ["wgan_gp-caps"]
CALM = {"dcgan-caps", "acgan-caps", "wgan-caps"}  # the others amplify rounding a thousandfold in 20 steps
STEPS = 20
OTHERS = ["jax", "torch"]
LIBRARY = Path(worker.__file__).parents[1] / "lib"
pytestmark = pytest.mark.slow
every_game = pytest.mark.parametrize("name", NAMES)
every_player = pytest.mark.parametrize("player", ["generator", "discriminator"])
every_other_backend = pytest.mark.parametrize("backend", OTHERS)


def need(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install {backend}")


def environment(backend):
    return os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(LIBRARY), "JAX_PLATFORMS": "cpu"}


class Games:
    """The same games under one backend: metrics of each step, and how far each player's weights moved."""

    def __init__(self, start, later, end):
        self.start, self.later, self.end = start, later, end

    def losses(self, name):
        """Of 20 steps and of one more from common weights: both players' [21, 2]."""
        metrics = [*self.end[f"{name}.metrics"], self.end[f"{name}.one_step_metrics"]]
        return np.array(metrics)[:, [METRICS.index("g_loss"), METRICS.index("d_loss")]]

    def movement(self, keys):
        """Over 20 steps, as one vector."""
        return np.concatenate([(self.end[key] - self.start[key]).ravel() for key in keys])

    def one_step(self, keys):
        """Over one step from weights that all backends share."""
        return np.concatenate([(self.end[f"one_step.{key}"] - self.later[key]).ravel() for key in keys])


@pytest.fixture(scope="module")
def keys():
    """(name, player) → the keys of its trained weights."""
    found = {}
    for name in NAMES:
        gan = worker.make(name)
        for player in ("generator", "discriminator"):
            own = {id(variable) for variable in getattr(gan, player).trainable_variables}
            numbers = [number for number, variable in enumerate(gan.variables) if id(variable) in own]
            found[name, player] = [f"{name}.v{number:04d}" for number in numbers]
    return found


@pytest.fixture(scope="module")
def games(tmp_path_factory):
    """Backend → its games, all from the same weights; those of JAX and PyTorch where they are installed."""
    folder = tmp_path_factory.mktemp("games")
    start = {}
    for name in NAMES:
        start |= worker.named(name, worker.values(worker.make(name)))
    np.savez(folder / "start.npz", **start)

    def begin(backend, *common):
        files = [folder / "start.npz", folder / f"{backend}.npz", str(STEPS), *common]
        return subprocess.Popen([sys.executable, worker.__file__, *files, *NAMES], env=environment(backend))

    def finish(backend, process):
        assert process.wait() == 0, backend
        return dict(np.load(folder / f"{backend}.npz"))

    later = finish("tensorflow", begin("tensorflow"))
    others = {name: begin(name, folder / "tensorflow.npz") for name in OTHERS if importlib.util.find_spec(name)}
    ends = {"tensorflow": later} | {name: finish(name, process) for name, process in others.items()}
    return {name: Games(start, later, end) for name, end in ends.items()}


def distance(ours, theirs):
    """How far one movement lies from another, as a share of it."""
    return np.linalg.norm(ours - theirs) / np.linalg.norm(ours)


def cosine(ours, theirs):
    return ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs)


@every_game
@every_other_backend
def test_the_losses_are_the_same_under_every_backend(games, backend, name):
    need(backend)
    ours, theirs = (games[which].losses(name) for which in ("tensorflow", backend))
    assert np.isfinite(ours).all()
    difference = np.abs(theirs - ours) / np.abs(ours).max(axis=0)
    assert difference[:2].max() < 1e-3
    assert difference[STEPS].max() < (1e-2 if name.startswith("wgan_gp") else 1e-3)
    assert difference.max() < (1e-3 if name in CALM else 0.3)


@every_player
@every_game
@every_other_backend
def test_both_players_move_as_far_and_in_the_same_direction(games, keys, backend, name, player):
    need(backend)
    ours, theirs = (games[which].movement(keys[name, player]) for which in ("tensorflow", backend))
    assert np.linalg.norm(ours) > 0
    wild = name == "infogan-cnn"  # its rounding has grown to a different game by then; one step is compared below
    assert abs(np.linalg.norm(theirs) / np.linalg.norm(ours) - 1) < (0.1 if wild else 0.01)
    assert wild or cosine(ours, theirs) > (0.99 if name in CALM else 0.5)


@every_player
@every_game
@every_other_backend
def test_one_step_from_common_weights_is_the_same(games, keys, backend, name, player):
    need(backend)
    ours, theirs = (games[which].one_step(keys[name, player]) for which in ("tensorflow", backend))
    assert distance(ours, theirs) < (0.05 if name.startswith("wgan_gp") else 0.01)  # second derivatives lose digits


@every_player
def test_a_frozen_player_would_be_noticed(games, keys, player):
    """Losses alone would hardly tell after 20 steps; the movement does."""
    ours = games["tensorflow"]
    own = keys["dcgan-caps", player]
    frozen = Games(ours.start, ours.later, ours.end | {f"one_step.{key}": ours.later[key] for key in own})
    assert distance(ours.one_step(own), frozen.one_step(own)) == 1


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
from capsgan.training import train
config = RunConfig("dcgan", "cnn", steps=12, batch_size=4, fraction=0.05, seed=int(sys.argv[1]))
run = train(config, steps_per_call=int(sys.argv[2]), force=True, progress=False)
print(run.history[["step", "g_loss", "d_loss"]].to_json(double_precision=10))
"""
    answers = []
    for size in ("1", "4"):
        variables = environment(backend) | {"CAPSGAN_HOME": str(tmp_path)}
        command = [sys.executable, "-c", program, "7", size]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        answers.append(json.loads(done.stdout.splitlines()[-1]))
    singly, together = answers
    assert singly["step"] == together["step"]
    for column in ("g_loss", "d_loss"):
        np.testing.assert_allclose(list(together[column].values()), list(singly[column].values()), rtol=1e-4)


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


def test_a_backend_that_is_not_there_is_named(home):
    for backend, answer in (("theano", "allowed: tensorflow | jax | torch"), ("numpy", "allowed: tensorflow")):
        done = command_line(backend, home, "train", "--steps", "1")
        assert done.returncode == 2 and answer in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
