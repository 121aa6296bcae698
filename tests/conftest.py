"""Small runs that several test files look at, and a home of one's own for each test."""

import pytest

from capsgan.config import RunConfig

TINY = {"batch_size": 4, "width": 1 / 64, "fraction": 0.1}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty CAPSGAN_HOME."""
    monkeypatch.setenv("CAPSGAN_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory):
    """A CAPSGAN_HOME whose runs are trained once and never changed."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="session")
def pair(shared_home):
    """A classical and a Caps run of DCGAN: 6 steps, seed 3."""
    from capsgan import train

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPSGAN_HOME", str(shared_home))
        configs = [RunConfig("dcgan", trunk, steps=6, seed=3, **TINY) for trunk in ("cnn", "caps")]
        return [train(config, progress=False) for config in configs]


@pytest.fixture(scope="session")
def wgan_pair(pair, shared_home):
    """Runs of WGAN that share the weights and histories of ``pair``, for figures."""
    import json
    import shutil

    from capsgan.runs import Run

    runs = []
    for run in pair:
        config = RunConfig.from_dict(run.config.to_dict() | {"gan": "wgan"})
        directory = shared_home / "wgan" / config.run_id
        shutil.copytree(run.directory, directory)
        (directory / "config.json").write_text(json.dumps(config.to_dict()))
        runs.append(Run(directory, config))
    return runs
