"""The script that unpacks faces drops near-duplicates, and nothing else."""

import importlib.util
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np

from capsgan.data.datasets import load_dataset

SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare_faces.py"


def load_script():
    spec = importlib.util.spec_from_file_location("prepare_faces", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mirrored_brighter_and_recompressed_copies_are_found_and_other_digits_are_not():
    dataset = load_dataset("mnist5k")
    digits = dataset.images[dataset.labels != 1][:60, ..., 0]  # two straight strokes are alike
    noisy = np.clip(digits[9] + np.random.default_rng(0).normal(0, 8, digits[9].shape), 0, 255)
    copies = [digits[3, :, ::-1], digits[5] * 0.6 + 40, noisy]
    found = load_script().near_duplicates(np.concatenate([digits, np.stack(copies).astype("uint8")]))
    assert found == {60, 61, 62}


def test_a_zip_becomes_a_flat_folder_without_near_duplicates(tmp_path, monkeypatch, capsys):
    faces = load_dataset("cartoon", "test").images[:3]
    pictures = {"a/1.png": faces[0], "a/2.png": faces[1], "b/1.png": faces[0][:, ::-1], "b/3.png": faces[2]}
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("readme.txt", "no picture")
        for name, image in pictures.items():
            archive.writestr(name, cv2.imencode(".png", image)[1].tobytes())
    monkeypatch.setattr(sys, "argv", ["prepare_faces.py", str(tmp_path / "faces.zip"), str(tmp_path / "flat")])
    load_script().main()
    assert sorted(path.name for path in (tmp_path / "flat").iterdir()) == ["a_1.png", "a_2.png", "b_3.png"]
    assert "3 images; 1 near-duplicates dropped" in capsys.readouterr().out
