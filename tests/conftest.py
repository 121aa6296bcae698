"""Small runs that several test files look at, and a home of one's own for each test."""

import os
from pathlib import Path

import pytest

from capsgan.config import RunConfig

MNIST = Path(os.environ.get("CAPSGAN_TEST_MNIST") or Path(__file__).parents[2] / "shared" / "data" / "mnist.npz")
TINY = {"batch_size": 4, "width": 1 / 64, "fraction": 0.1}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty CAPSGAN_HOME."""
    monkeypatch.setenv("CAPSGAN_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def mnist(home):
    """The full MNIST, where it is at hand."""
    if not MNIST.exists():
        pytest.skip("no real mnist.npz: name one in CAPSGAN_TEST_MNIST to check the full set")
    (home / "mnist.npz").symlink_to(MNIST)


@pytest.fixture
def scripted(monkeypatch):
    """Training whose steps cost nothing and answer what the test says: ``scripted[7] = metrics`` of the seventh call.

    ``scripted["seen"]`` lists for every step whether the generator was to move, ``scripted["before"]`` is called before
    each with its number. The networks of the original GAN are small.
    """
    import keras
    import numpy as np

    from capsgan.gans.vanilla import VanillaGAN
    from capsgan.training import loop as training

    script = {"seen": [], "before": lambda number: None}

    def compile_step(gan, images, labels, steps_per_call):
        def one(train_generator):
            script["seen"].append(train_generator)
            script["before"](len(script["seen"]))
            g_loss = 0.7 if train_generator else float("nan")
            return np.array(script.get(len(script["seen"]), (g_loss, 0.6, 0.5, 0.5, 0.5)), "float32")

        return lambda batches, train_generator: [one(train_generator) for _ in batches]

    def generator(gan):
        layers = [keras.layers.Dense(784, activation="tanh"), keras.layers.Reshape((28, 28, 1))]
        return keras.Sequential([keras.Input((100,)), *layers])

    monkeypatch.setattr(training, "compile_step", compile_step)
    monkeypatch.setattr(VanillaGAN, "build_generator", generator)
    return script


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory):
    """A CAPSGAN_HOME whose runs are trained once, by whichever test process comes first, and never changed."""
    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    home.mkdir(exist_ok=True)
    return home


@pytest.fixture(scope="session")
def pair(shared_home):
    """A classical and a Caps run of DCGAN: 6 steps, seed 3."""
    from capsgan import train

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPSGAN_HOME", str(shared_home))
        configs = [RunConfig("dcgan", trunk, steps=6, seed=3, **TINY) for trunk in ("cnn", "caps")]
        return [train(config, progress=False) for config in configs]


@pytest.fixture(scope="session")
def wgan_pair(pair, tmp_path_factory):
    """Runs of WGAN that share the weights and histories of ``pair``, for figures."""
    import json
    import shutil

    from capsgan.runs.run import Run

    runs = []
    for run in pair:
        config = RunConfig.from_dict(run.config.to_dict() | {"gan": "wgan"})
        directory = tmp_path_factory.mktemp("wgan") / config.run_id
        shutil.copytree(run.directory, directory)
        (directory / "config.json").write_text(json.dumps(config.to_dict()))
        runs.append(Run(directory, config))
    return runs
