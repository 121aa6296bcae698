"""The scripts work wherever the user stands, however they are called, whatever the shell and pip are set up for."""

import os
import shutil
import subprocess

import pytest

from capsgan.paths import ROOT

FAKE = """#!/usr/bin/env bash
case "$*" in
  *HOST_GNU_TYPE*) echo "${SYSTEM:-x86_64-pc-linux-gnu} 9223372036854775807" ;;
  *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo "venv $*" >>"$LOG" ;;
  *"-m pip"*) echo "pip PIP_USER=$PIP_USER target=${PIP_TARGET:-none}" >>"$LOG" ;;
  *run_notebooks*) echo "in $PWD home ${CAPSGAN_HOME:-none}" >>"$LOG" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    """The scripts, with an interpreter that only says what it is asked for."""
    place = tmp_path / "place" / "checkout"
    (place / "scripts").mkdir(parents=True)
    for name in ("run_all.sh", "run_tests.sh", "scripts/setup.sh", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, place / name)
    (tmp_path / "python").write_text(FAKE, encoding="utf-8")
    (tmp_path / "python").chmod(0o755)
    return place


def call(script, *, cwd, **variables):
    """Run a script: (status, standard error, what the interpreter was asked for, the folder for it)."""
    log = cwd / "log"
    environment = os.environ | {"PYTHON": str(script.parents[2] / "python"), "LOG": str(log)} | variables
    environment = {name: value for name, value in environment.items() if value is not None}
    command = ["bash", str(script)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8")
    told = log.read_text(encoding="utf-8") if log.exists() else ""
    log.unlink(missing_ok=True)
    return done.returncode, done.stderr, told


def test_settings_of_pip_and_the_shell_do_not_move_anything(checkout, tmp_path):
    (tmp_path / "elsewhere" / "scripts").mkdir(parents=True)
    settings = {
        "PIP_USER": "1",
        "PIP_TARGET": "/elsewhere",
        "CDPATH": str(tmp_path / "elsewhere"),
        "CAPSGAN_HOME": None,
    }
    status, error, told = call(checkout / "run_all.sh", cwd=tmp_path, **settings)
    assert status == 0, error
    assert told.count("pip PIP_USER=0 target=none") == 2 and f"in {checkout} home none" in told


def test_a_link_to_a_script_finds_the_checkout(checkout, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "report").symlink_to("../place/checkout/run_all.sh")
    (tmp_path / "bin" / "again").symlink_to(tmp_path / "bin" / "report")
    status, error, told = call(tmp_path / "bin" / "again", cwd=tmp_path, PYTHON=str(tmp_path / "python"))
    assert status == 0 and f"in {checkout} " in told, error


def test_a_relative_home_is_meant_from_where_the_user_stands(checkout, tmp_path):
    _, _, told = call(checkout / "run_all.sh", cwd=tmp_path, CAPSGAN_HOME="mine")
    assert f"home {tmp_path}/mine" in told


def test_a_moved_checkout_is_set_up_anew_and_one_that_stays_is_not(checkout, tmp_path):
    assert "venv" in call(checkout / "run_all.sh", cwd=tmp_path)[2]
    told = call(checkout / "run_all.sh", cwd=tmp_path)[2]
    assert "in " in told and "venv" not in told and "pip" not in told
    moved = checkout.rename(checkout.with_name("renamed"))
    assert "venv -m venv --clear .venv" in call(moved / "run_all.sh", cwd=tmp_path)[2]


@pytest.mark.parametrize(
    "system, named", [("x86_64-apple-darwin23.1.0", "Intel"), ("x86_64-alpine-linux-musl", "musl")]
)
def test_a_platform_without_tensorflow_is_one_line_before_anything_is_installed(checkout, tmp_path, system, named):
    status, error, told = call(checkout / "run_all.sh", cwd=tmp_path, SYSTEM=system)
    assert status == 1 and named in error and len(error.splitlines()) == 1 and told == ""


def test_line_ends_stay_what_they_are_whatever_git_is_set_up_for(tmp_path):
    command = ["git", "-c", "core.autocrlf=true", "clone", "--quiet", "--no-checkout", str(ROOT), str(tmp_path / "c")]
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git repository here")
    subprocess.run(command, check=True, capture_output=True)
    shutil.copy(ROOT / ".gitattributes", tmp_path / "c" / ".gitattributes")
    checkout = ["git", "-C", str(tmp_path / "c"), "-c", "core.autocrlf=true", "checkout", "HEAD", "--", "run_all.sh"]
    subprocess.run(checkout, check=True, capture_output=True)
    assert b"\r" not in (tmp_path / "c" / "run_all.sh").read_bytes()
