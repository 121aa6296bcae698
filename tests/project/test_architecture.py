"""The table of packages in docs/architecture.md is true: each imports only what stands above it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "lib" / "capsgan"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TABLE = re.findall(r"^\| ((?:`[\w./]+`(?:, )?)+) \|", PAGE.split("## The way of a batch")[0], re.MULTILINE)
ROWS = [[name.strip("/").removesuffix(".py") for name in re.findall(r"`([^`]+)`", row)] for row in TABLE]
PLACE = {name: number for number, row in enumerate(ROWS) for name in row}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or not path.stem.startswith("__"))


def home_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The packages and top-level modules of capsgan that a module imports, wherever in the module it does so."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]


def test_the_table_lists_every_package_and_module_once():
    there = {home_of(path) for path in MODULES}
    assert set(PLACE) == there
    assert sum(map(len, ROWS)) == len(PLACE)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_above(path):
    below = [name for name in imported(path) if name != home_of(path) and PLACE.get(name, -1) > PLACE[home_of(path)]]
    assert below == []


def test_the_library_is_small():
    assert sum(len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")) < 10_000


def test_the_way_of_a_dcgan_batch_is_short():
    rows = re.findall(r"^\| .*", PAGE.split("## The way of a batch")[1].split("## ")[0], re.MULTILINE)
    files = {ROOT / name for row in rows for name in re.findall(r"`(lib/capsgan/[\w/]+\.py)`", row)}
    files |= {PACKAGE / name for name in ("config.py", "gans/__init__.py", "networks/layers.py", "engines/__init__.py")}
    files -= {PACKAGE / "networks" / "capsules.py"}
    assert len(files) == 11 and sum(len(path.read_text("utf-8").splitlines()) for path in files) < 1100


def test_no_two_packages_import_each_other():
    arrows = {(home_of(path), name) for path in MODULES for name in imported(path)}
    assert not [(one, other) for one, other in arrows if one != other and (other, one) in arrows]
    assert len(arrows) > 30
