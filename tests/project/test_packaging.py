import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import capsgan
from capsgan.data.datasets import MNIST_SHA256, SPLITS, load_dataset

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
USED = [*PROJECT["dependencies"], *EXTRAS["notebooks"], *EXTRAS["test"]]  # by run_all.sh and run_tests.sh
DIRECT = {r.name: r for r in map(Requirement, USED) if r.name != "capsgan"}
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def pins():
    """Every pin of the lock: (requirement, how many hashes it has)."""
    lines = [line for line in LOCK.replace("\\\n", " ").splitlines() if line and not line.lstrip().startswith("#")]
    return [(Requirement(line.split("--hash")[0].strip()), line.count("--hash=sha256:")) for line in lines]


# environment.yml ------------------------------------------------------------------------------------------------


def conda_requirements():
    *conda, last = read_yaml("environment.yml")["dependencies"]
    assert list(last) == ["pip"]
    return [Requirement(text) for text in (*conda, *last["pip"])]


def test_environment_has_the_direct_dependencies_of_pyproject_with_the_same_bounds():
    found = {r.name: r.specifier for r in conda_requirements() if r.name not in ("python", "pip")}
    assert found == {name: requirement.specifier for name, requirement in DIRECT.items()}


def test_environment_has_the_python_of_pyproject():
    python = {r.name: r.specifier for r in conda_requirements()}["python"]
    assert python == SpecifierSet(PROJECT["requires-python"])


def test_environment_names_conda_forge_only_and_a_reason_on_every_line():
    assert read_yaml("environment.yml")["channels"] == ["conda-forge"]
    text = (ROOT / "environment.yml").read_text(encoding="utf-8").split("dependencies:")[1]
    lines = [line for line in text.splitlines() if line.strip() and line.strip() != "- pip:"]
    assert [line for line in lines if not re.search(r"\S  # \w", line)] == []


# requirements.lock ----------------------------------------------------------------------------------------------


def test_lock_has_pins_hashes_and_comments_only():
    """No index, no address, no path: who installs chooses where the packages come from."""
    line = r"\s*#.*|[\w.-]+(\[[\w,-]+\])?==[\w.+!-]+( ; [^;/@]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|"
    assert [text for text in LOCK.splitlines() if not re.fullmatch(line, text)] == []
    assert "/" not in re.sub(r"#.*", "", LOCK)


def test_every_pin_of_the_lock_is_exact_and_has_a_hash():
    for requirement, hashes in pins():
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), requirement
        assert hashes > 0, requirement


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_lock_has_one_fitting_pin_for_every_direct_dependency(python, system):
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": SYSTEMS[system],
        "platform_machine": "arm64" if system == "darwin" else "x86_64",
        "os_name": "nt" if system == "win32" else "posix",
    }
    active = [r for r, _ in pins() if r.marker is None or r.marker.evaluate(environment)]
    for name, direct in DIRECT.items():
        (pin,) = [r for r in active if r.name == name]
        assert direct.specifier.contains(str(pin.specifier).removeprefix("==")), pin


# licence and citation -------------------------------------------------------------------------------------------


def test_licence_is_the_one_that_pyproject_and_citation_name():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License\n")
    assert "(c) 2026 The capsgan authors" in text
    assert PROJECT["license"] == read_yaml("CITATION.cff")["license"] == "MIT"


def test_citation_has_what_version_1_2_0_of_the_format_asks_for():
    citation = read_yaml("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert all(citation[key] for key in ("message", "title", "abstract", "authors"))
    for reference in citation["references"]:
        assert all(reference[key] for key in ("type", "title", "authors"))
        assert 2003 <= reference["year"] <= date.today().year
        assert all(author["family-names"] for author in reference["authors"])


def test_citation_names_the_thesis_and_the_papers():
    references = read_yaml("CITATION.cff")["references"]
    (thesis,) = [r for r in references if r["type"] == "thesis"]
    assert thesis["title"] == "Image Regeneration with Generative Models"
    first_authors = {r["authors"][0]["family-names"] for r in references if r is not thesis}
    gans = {"Goodfellow", "Radford", "Arjovsky", "Odena", "Chen", "Gulrajani"}
    assert first_authors == gans | {"Sabour", "Yeh", "Pérez"}


def test_one_version_everywhere():
    assert PROJECT["version"] == read_yaml("CITATION.cff")["version"] == capsgan.__version__


# continuous integration and hooks -------------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "status"), [("stdout", 0), ("stderr", 1)])
def test_the_hook_refuses_stored_standard_error_and_names_the_cell(tmp_path, stream, status):
    output = {"name": stream, "output_type": "stream", "text": ["one line\n"]}
    cells = [{"cell_type": "markdown", "source": []}, {"cell_type": "code", "source": [], "outputs": [output]}]
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    command = [sys.executable, str(ROOT / "scripts" / "check_notebook_outputs.py"), str(path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == status, result.stderr
    assert ("cell 2" in result.stdout) == bool(status)


# data cards -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_data_cards_give_the_checksums_that_the_library_asks_for():
    cards = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for array, digest in MNIST_SHA256.items():
        assert re.search(rf"\| {array} \| [\d×]+ \| `{digest}` \|", cards), array
    for name in ("mnist5k", "cartoon"):
        card = cards[cards.index(f"## {name}") :].split("\n## ")[0]
        for split in SPLITS:
            assert f"| SHA-256, {split} | `{load_dataset(name, split).sha256}` |" in card


# the wheel ------------------------------------------------------------------------------------------------------

USE = """
import sys
import capsgan, numpy as np
from capsgan.study.plan import read_plan
assert sys.prefix in capsgan.__file__, capsgan.__file__
read_plan()
run = capsgan.train(capsgan.RunConfig("gan", steps=2, batch_size=4, fraction=0.1), progress=False)
print(run.directory)
digits, black = capsgan.load_dataset("mnist5k", "test").images, np.zeros((300, 28, 28, 1), "uint8")
print(sorted(capsgan.score(black, digits[:500], control=digits[500:], progress=False)))
try:
    capsgan.load_reference("dcgan")
except ValueError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_wheel_works_in_a_fresh_environment_without_the_checkout(tmp_path):
    source = tmp_path / "source"
    for name in ("pyproject.toml", "README.md", "LICENSE", "lib", "study", "data/features", "data/pretrained"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", ROOT / name, source / name], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, source]
    subprocess.run(build, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    # the library's dependencies are borrowed from this environment; the checkout is not on the path
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "fresh"], check=True)
    python = tmp_path / "fresh" / "bin" / "python"
    (site,) = (tmp_path / "fresh" / "lib").glob("python*/site-packages")
    subprocess.run([*pip, "install", "--no-index", "--no-deps", "--target", site, wheel], check=True)
    others = [path for path in sys.path if path.endswith("site-packages")]
    assert not (site / "capsgan" / "shipped" / "reference").exists() and (site / "capsgan" / "py.typed").exists()
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CAPSGAN_HOME")}
    environment = kept | {"HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(site), *others])}
    done = subprocess.run([python, "-c", USE], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    directory, spaces, refusal = done.stdout.splitlines()[-3:]
    assert Path(directory).is_relative_to(tmp_path) and spaces == "['digits', 'lenet']"
    assert "not in the installed package" in refusal
    command = [python, "-m", "capsgan", "generate", "gan-cnn", "--count", "3", "--out", tmp_path / "digits"]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True)
    assert len(list((tmp_path / "digits").glob("*.png"))) == 3
