"""Does the notebook's environment, such as Colab, have versions that the project supports?"""

import importlib.metadata
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


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
