"""What a notebook asks of its environment, such as Colab: versions that the project supports, and its first picture."""

import base64
import importlib.metadata
import json
import sys
import tomllib

from ..paths import ROOT


def check_versions():
    """Print one line if a package is missing or outside the range of ``pyproject.toml``; otherwise nothing."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    strange = []
    python = ".".join(map(str, sys.version_info[:3]))
    if python not in SpecifierSet(project["requires-python"]):
        strange.append(f"Python {python} (expected {project['requires-python']})")
    for requirement in map(Requirement, project["dependencies"]):
        names = {requirement.name, requirement.name.removesuffix("-headless")}  # either OpenCV will do
        found = [version for version in map(_version, sorted(names)) if version]
        if not found or not any(requirement.specifier.contains(version, prereleases=True) for version in found):
            strange.append(f"{requirement.name} {found[0] if found else 'missing'} (expected {requirement.specifier})")
    if strange:
        print(f"Not tested with {', '.join(strange)}; if a cell fails, this may be why.")


def show_opening(notebook: str):
    """In Colab, which leaves out the attachments of a text cell: show the picture that opens the notebook."""
    if "google.colab" in sys.modules:
        from IPython.display import Image, display

        cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
        display(*(Image(base64.b64decode(*kinds.values())) for kinds in cells[0]["attachments"].values()))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
