"""A run is tied to what it was trained on, not to a place where something of the same name lies."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from capsgan.cli.commands import main
from capsgan.config import RunConfig
from capsgan.data.datasets import load_dataset
from capsgan.data.pixels import encode_png
from capsgan.paths import home as capsgan_home
from capsgan.regeneration.reconstruction import _training_images
from capsgan.runs import provenance as provenance_module
from capsgan.runs.run import Run, list_runs
from capsgan.training.grid import expected_seconds


def write_faces(folder, base):
    folder.mkdir(parents=True)
    for number in range(20):
        (folder / f"{number}.png").write_bytes(encode_png(np.full((8, 8, 3), base + number, "uint8")))


@pytest.fixture
def trained(home, monkeypatch):
    """A finished run on ``folder:faces`` in directory A; directory B has another ``faces``."""
    for place, base in (("A", 0), ("B", 100)):
        write_faces(home / place / "faces", base)
    monkeypatch.chdir(home / "A")
    config = RunConfig(dataset="folder:faces", image_size=28, steps=2, batch_size=2)
    run = Run(home / "runs" / config.run_id, config)
    run.directory.mkdir(parents=True)
    (run.directory / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    sha256 = load_dataset("folder:faces", image_size=28).sha256
    provenance = {"status": "finished", "dataset_sha256": sha256, "wall_seconds": 7.0, "image_shape": [28, 28, 3]}
    (run.directory / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    return run


def test_a_run_keeps_its_images_in_whatever_directory_it_is_used(trained, home, monkeypatch):
    monkeypatch.chdir(home / "B")
    (run,) = list_runs()
    assert run.config.dataset == f"folder:{home / 'A' / 'faces'}" and run.load_data().images.max() < 100
    assert _training_images(run).max() < 100 <= load_dataset("folder:faces", image_size=28).images.max()


def test_other_images_in_its_place_are_refused_with_both_checksums(trained, home, capsys):
    shutil.rmtree(home / "A" / "faces")
    (home / "B" / "faces").rename(home / "A" / "faces")
    trained_on = trained.provenance["dataset_sha256"][:12]
    for use in (trained.load_data, lambda: _training_images(trained)):
        with pytest.raises(ValueError, match=rf"other images than 'folder:.*A.faces' has now \(SHA-256 {trained_on}"):
            use()
    assert main(["evaluate", trained.directory.name[:6]]) == 2
    assert "was trained on other images" in capsys.readouterr().err


def test_images_that_a_library_draws_anew_are_a_warning(home):
    run = Run(home, RunConfig())
    (home / "provenance.json").write_text('{"dataset_sha256": "0123456789abcdef"}', encoding="utf-8")
    with pytest.warns(UserWarning, match="trained on other images than 'mnist5k' has now"):
        assert len(run.load_data()) == 4000


def test_what_is_published_has_the_folders_name_and_no_place(trained):
    assert trained.config.published() == trained.config.to_dict() | {"dataset": "folder:faces"}
    assert RunConfig().published() == RunConfig().to_dict()


def test_a_run_on_a_folder_that_is_gone_blocks_no_other(trained, home, capsys):
    shutil.rmtree(home / "A")
    os.chdir(home)
    assert expected_seconds(RunConfig(steps=2)) == 0
    assert main(["list"]) == 0 and trained.directory.name in capsys.readouterr().out
    assert main(["evaluate"]) == 0 and f"{trained.directory.name}: skipped (" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["", "[", "[]", "3", '{"status"'])
def test_a_run_whose_provenance_is_damaged_blocks_no_other(trained, capsys, damage):
    (trained.directory / "provenance.json").write_text(damage, encoding="utf-8")
    assert trained.status == "damaged" and not trained.finished
    for line in ("list", "list --json", "evaluate"):
        assert main(line.split()) == 0, line
    assert '"status": "damaged"' in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["", "[]", '{"averaged": 3}', "{}"])
def test_a_score_that_is_damaged_is_no_score(trained, damage):
    from capsgan.metrics.run_scores import is_scored

    (trained.directory / "metrics.json").write_text(damage, encoding="utf-8")
    assert not is_scored(trained)


def test_a_relative_home_stays_where_it_was_when_first_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAPSGAN_HOME", "mine")
    (tmp_path / "inner").mkdir()
    first = capsgan_home()
    os.chdir(tmp_path / "inner")
    assert capsgan_home() == first == tmp_path / "mine" and os.environ["CAPSGAN_HOME"] == str(first)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_the_commit_of_another_repository_is_not_ours(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "theirs"], check=True)
    (tmp_path / "capsgan").mkdir()
    monkeypatch.setattr(provenance_module, "ROOT", tmp_path / "capsgan")
    assert provenance_module.source_commit() is None
    monkeypatch.setattr(provenance_module, "ROOT", tmp_path)
    ours = provenance_module.source_commit()
    assert len(ours) >= 7
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))  # as git sets it for its hooks
    assert provenance_module.source_commit() == ours
