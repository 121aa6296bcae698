"""Unpack aligned faces from a zip file into one flat folder, without near-duplicates.

.venv/bin/python scripts/prepare_faces.py utkface64.zip FOLDER

Photographs of one face that was cropped, coloured, compressed or mirrored differently would be in the training and
the test split at once, and "nearest image" would win every comparison. Two images are near-duplicates when their grey
24×24 versions correlate above ``LIMIT``, mirrored or not; the first by name stays. In UTKFace almost every pair above
the limit shows one photograph twice, almost every pair below it shows two people.
"""

import argparse
import zipfile
from pathlib import Path

import cv2
import numpy as np

LIMIT = 0.965
ENDINGS = (".jpg", ".jpeg", ".png")


def unit(images: np.ndarray) -> np.ndarray:
    """[n, height, width] → float32 [n, height·width] of mean 0 and length 1: products are correlations."""
    rows = images.reshape(len(images), -1).astype("float32")
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def near_duplicates(images: np.ndarray, limit: float = LIMIT) -> set[int]:
    """Numbers of the grey images [n, height, width] that look like an earlier one or its mirror image."""
    plain, mirrored = unit(images), unit(images[:, :, ::-1])
    found = set()
    for start in range(0, len(images), 1000):
        rows = plain[start : start + 1000]
        alike = np.maximum(rows @ plain.T, rows @ mirrored.T) > limit
        first, second = np.nonzero(alike)
        found |= {int(b) for a, b in zip(first + start, second, strict=True) if a < b}
    return found


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("zip", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    with zipfile.ZipFile(options.zip) as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith(ENDINGS))
        files = [archive.read(name) for name in names]
    grey = [cv2.imdecode(np.frombuffer(file, "uint8"), cv2.IMREAD_GRAYSCALE) for file in files]
    dropped = near_duplicates(np.stack([cv2.resize(image, (24, 24), interpolation=cv2.INTER_AREA) for image in grey]))
    options.folder.mkdir(parents=True, exist_ok=True)
    for number, (name, file) in enumerate(zip(names, files, strict=True)):
        if number not in dropped:
            (options.folder / name.replace("/", "_")).write_bytes(file)
    print(f"{options.folder}: {len(names) - len(dropped)} images; {len(dropped)} near-duplicates dropped")


if __name__ == "__main__":
    main()
