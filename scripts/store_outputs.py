"""Store the outputs of executed notebooks in notebooks/: no progress bars, no parameters, no machine's paths.

A cell's alt text is in its metadata, ``"alt"``: a string for one picture, a list of strings for several.

./run_all.sh && .venv/bin/python scripts/store_outputs.py [PROFILE] [NAME ...]
"""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import nbformat
from PIL import Image

from capsgan.paths import ROOT

WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/gif", "image/svg+xml")


def main() -> int:
    """Copy the outputs cell by cell; refuse where source and executed copy differ."""
    profile, *names = sys.argv[1:] or ["quick"]
    executed = ROOT / "build" / "notebooks" / profile
    names = names or sorted(path.stem for path in executed.glob("*.ipynb"))
    for name in names:
        source = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        result = nbformat.read(executed / f"{name}.ipynb", as_version=4)
        cells = [cell for cell in result.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
        if codes(cells) != codes(source.cells):
            print(f"{name}: the executed copy is of a different version; run it again", file=sys.stderr)
            return 1
        if shows_an_outdated_run(result.cells):
            print(f"{name}: shows a run of earlier code; train it again (run_all.sh --force)", file=sys.stderr)
            return 1
        count = 0
        executed_cells = (cell for cell in cells if cell.cell_type == "code")
        for cell in source.cells:
            if cell.cell_type == "code":
                done = next(executed_cells)
                count += 1
                cell.execution_count = count
                cell.outputs = [clean(output, count) for output in done.outputs if is_kept(output)]
                try:
                    add_alt_text(cell)
                except ValueError as error:
                    print(f"{name}, cell {cell.id}: {error}", file=sys.stderr)
                    return 1
        text = nbformat.writes(source, version=4) + "\n"
        if str(Path.home()) in text or str(ROOT) in text:
            print(f"{name}: an output names a path of this machine", file=sys.stderr)
            return 1
        if "-dirty" in text or any(
            "-dirty" in figure.read_text(encoding="utf-8") for figure in figures_of(text, profile)
        ):
            print(f"{name}: made by uncommitted code (-dirty); commit it and run the notebook again", file=sys.stderr)
            return 1
        (ROOT / "notebooks" / f"{name}.ipynb").write_text(text, encoding="utf-8")
        print(f"{name}: {len(text) / 1024:.0f} KiB")
    return 0


def figures_of(text: str, profile: str) -> list[Path]:
    """The SVG files that a notebook's cells save; their metadata name the commit."""
    return [path for path in (ROOT / "figures" / profile).glob("*.svg") if f'"{path.stem}' in text.replace("\\", "")]


def codes(cells) -> list[str]:
    """The sources of the code cells."""
    return [cell.source for cell in cells if cell.cell_type == "code"]


def shows_an_outdated_run(cells) -> bool:
    """Whether a cell warned that its run was made by other networks or GANs: the picture may be of neither version."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return any("was made by another version" in output.get("text", "") for output in outputs)


def is_kept(output) -> bool:
    """Whether an output means anything to a reader without a kernel: no progress bars, no widgets."""
    return output.get("name") != "stderr" and WIDGET not in output.get("data", {})


def clean(output, count: int):
    """Number the output like its cell, and make its picture small."""
    if "execution_count" in output:
        output.execution_count = count
    if "image/png" in output.get("data", {}):
        output.data["image/png"] = smaller(output.data["image/png"])
    return output


def add_alt_text(cell):
    """Copy the alt text of a cell to its pictures, where IPython puts it and nbconvert's classic template reads it."""
    pictures = [(output, kind) for output in cell.outputs for kind in PICTURES if kind in output.get("data", {})]
    texts = cell.metadata.get("alt", [])
    texts = [texts] if isinstance(texts, str) else texts
    if len(texts) != len(pictures):
        raise ValueError(f"pictures: {len(pictures)}, alt texts: {len(texts)}; write one per picture in metadata.alt")
    for (output, kind), text in zip(pictures, texts, strict=True):
        output.metadata[kind] = output.metadata.get(kind, {}) | {"alt": text}


def smaller(png: str) -> str:
    """A PNG in base64 with 256 colours at most, if that is smaller: figures are flat, and git keeps every version."""
    buffer = io.BytesIO()
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return min(png, base64.b64encode(buffer.getvalue()).decode(), key=len)


if __name__ == "__main__":
    sys.exit(main())
