import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({})"
COLAB = "https://colab.research.google.com/github/{}/blob/main/notebooks/{}"


def address_in(root):
    url = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    assert url.startswith("https://github.com/")
    return url.removeprefix("https://github.com/")


def sources(path, kind):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def check_notebook(path, address):
    assert BADGE.format(COLAB.format(address, path.name)) in sources(path, "markdown")[0]
    lines = [line for cell in sources(path, "code") for line in cell.splitlines() if line.startswith("REPOSITORY =")]
    assert lines == [f'REPOSITORY = "https://github.com/{address}"']


def check_text(path, address):
    text = path.read_text(encoding="utf-8")
    linked = re.findall(r"colab\.research\.google\.com/github/([^/]+/[^/]+)/blob/main/(\S+?\.ipynb)", text)
    linked += [(other, "") for other in re.findall(r"github\.com/([^/]+/[^/]+)/actions/workflows/", text)]
    assert {other for other, _ in linked} == {address}
    return [notebook for _, notebook in linked if notebook]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_badge_and_setup_cell_of_a_notebook_agree_with_pyproject(path):
    check_notebook(path, address_in(ROOT))


def test_badges_of_the_readme_agree_with_pyproject_and_lead_to_notebooks_that_exist():
    for notebook in check_text(ROOT / "README.md", address_in(ROOT)):
        assert (ROOT / notebook).exists()


def test_citation_agrees_with_pyproject():
    assert f'repository-code: "https://github.com/{address_in(ROOT)}"\n' in (ROOT / "CITATION.cff").read_text()


# The script, on a small tree ------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "set_repository.py", tmp_path / "scripts")
    for name in ("pyproject.toml", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path)
    address = address_in(ROOT)
    for number, name in enumerate(("01_first.ipynb", "02_second.ipynb", "solutions/02_second.ipynb")):
        of_copy = address if number else "someone/else"  # a notebook that was stamped with another address before
        badge = ["# Größe ∈ [0, 1]\n", "\n", BADGE.format(COLAB.format(of_copy, name)) + "\n"]
        setup = ["import sys\n", f'REPOSITORY = "https://github.com/{of_copy}"\n']
        output = {"name": "stdout", "output_type": "stream", "text": ["0.10 ± 1e-07\n"]}
        code = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [output], "source": setup}
        markdown = {"cell_type": "markdown", "metadata": {"b": 1, "a": 1.0}, "source": "".join(badge)}
        cells = [markdown | ({"source": badge} if number else {}), code]
        notebook = {"cells": cells, "metadata": {"language_info": {}}, "nbformat": 4, "nbformat_minor": 5}
        path = tmp_path / "notebooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    tests = f"https://github.com/{address}/actions/workflows/tests.yml"
    (tmp_path / "README.md").write_text(
        f"[![tests]({tests}/badge.svg)]({tests}) {BADGE.format(COLAB.format(address, '01_first.ipynb'))}\n"
        f"    git clone https://github.com/{address}.git\n"
        f"Also see https://github.com/{address}-more and https://github.com/keras-team/keras.\n"
    )
    return tmp_path


def stamp(tree, name):
    command = [sys.executable, str(tree / "scripts" / "set_repository.py"), name]
    return subprocess.run(command, capture_output=True, text=True, cwd=tree.parent)


def contents(tree):
    return {path: path.read_bytes() for path in sorted(tree.rglob("*")) if path.is_file()}


def test_the_script_changes_every_copy_of_the_address_and_nothing_else(tree):
    before, old, new = contents(tree), address_in(ROOT), "Ada-L/caps.gan_2"
    result = stamp(tree, new)
    assert result.returncode == 0, result.stderr
    assert address_in(tree) == new
    for path in (tree / "notebooks").glob("*.ipynb"):
        check_notebook(path, new)
    check_text(tree / "README.md", new)
    readme = (tree / "README.md").read_text()
    assert f"git clone https://github.com/{new}.git\n" in readme
    assert f"https://github.com/{old}-more and https://github.com/keras-team/keras." in readme
    for path, after in contents(tree).items():
        undone = after.decode().replace(new, old)
        assert undone == before[path].decode().replace("someone/else", old), path


def test_the_script_is_idempotent_and_can_be_undone(tree):
    before = contents(tree)
    assert stamp(tree, address_in(ROOT)).returncode == 0  # the notebook with another address is mended
    mended = contents(tree)
    assert [path.name for path in before if before[path] != mended[path]] == ["01_first.ipynb"]
    for _ in range(2):
        assert stamp(tree, "ada/gan").returncode == 0
        once = contents(tree)
        assert stamp(tree, "ada/gan").returncode == 0
        assert contents(tree) == once
        assert stamp(tree, address_in(ROOT)).returncode == 0
        assert contents(tree) == mended


NO_REPOSITORY = ["", "capsgan", "a/b/c", "/name", "owner/", "https://github.com/a/b", "-a/b", "a--b/c", "a b/c"]
NO_REPOSITORY += ["a/b.git", "a/..", "a" * 40 + "/b", "a-" * 20 + "a/b", 'a/b"', "a/b\n"]


@pytest.mark.parametrize("name", NO_REPOSITORY)
def test_a_malformed_name_is_refused_with_one_line_and_changes_nothing(tree, name):
    before = contents(tree)
    result = stamp(tree, name)
    assert result.returncode == 2
    assert "error" in result.stderr if name.startswith("-") else len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert contents(tree) == before


def test_a_file_that_is_no_notebook_is_named_and_nothing_is_changed(tree):
    (tree / "notebooks" / "03_broken.ipynb").write_text("{")
    before = contents(tree)
    result = stamp(tree, "ada/gan")
    assert (result.returncode, len(result.stderr.splitlines())) == (2, 1)
    assert "03_broken.ipynb" in result.stderr
    assert contents(tree) == before


def test_the_script_changes_every_copy_of_the_address_in_the_project_itself(tmp_path):
    for name in ("scripts", "notebooks"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
        )
    for name in ("README.md", "CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    before, old, new = contents(tmp_path), address_in(ROOT), "ada/gan-of-hers"
    assert stamp(tmp_path, new).returncode == 0
    for path, after in contents(tmp_path).items():
        assert after.decode().replace(f"/{new}", f"/{old}") == before[path].decode(), path
        if path.parent.name != "scripts":
            assert f"github.com/{old}" not in after.decode(), path
    for path in (tmp_path / "notebooks").glob("*.ipynb"):
        check_notebook(path, new)
