"""A user's own settings of Keras change no result and break nothing."""

import json
import os
import subprocess
import sys

import pytest

from capsgan.engines import KERAS_SETTINGS, fix_keras_settings
from capsgan.paths import ROOT

PRINT = "import keras, json; from capsgan.networks.discriminators import build_discriminator as b;"
PRINT += "keras.config.set_floatx('float16'); from capsgan.gans.base import _initialisation\n"
PRINT += "with _initialisation(0, 'float32'): model = b('caps', (28, 28, 1), width=1 / 64)\n"
PRINT += "c = keras.config; print(json.dumps({'floatx': c.floatx(), 'epsilon': c.epsilon(), "
PRINT += "'image_data_format': c.image_data_format()}), {w.dtype for w in model.weights})"


def run(code_or_command, tmp_path, **settings):
    (tmp_path / "keras.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "lib")}
    environment.pop("KERAS_BACKEND", None)
    command = [sys.executable, *code_or_command]
    return subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")


@pytest.mark.slow
def test_numbers_and_shapes_of_keras_json_are_undone(tmp_path):
    hostile = {"floatx": "float16", "epsilon": 1e-3, "image_data_format": "channels_first"}
    done = run(["-c", PRINT], tmp_path, **hostile, backend="tensorflow")
    assert done.stdout.strip() == json.dumps(KERAS_SETTINGS) + " {'float32'}", done.stderr


@pytest.mark.parametrize("backend, named", [("theano", "backend='theano'"), ("", ""), (3, "backend=3")])
def test_a_backend_of_keras_json_that_is_not_there_is_one_line(tmp_path, backend, named):
    done = run(["-m", "capsgan", "show", "nothing"], tmp_path, backend=backend)
    assert done.returncode == 2 and named in done.stderr and len(done.stderr.splitlines()) == 1


def test_settings_are_those_that_keras_comes_with():
    import keras

    fix_keras_settings()
    assert {name: getattr(keras.config, name)() for name in KERAS_SETTINGS} == KERAS_SETTINGS
