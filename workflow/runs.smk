# The study's runs, as `capsgan grid --study FILE --json` lists them, and what each asks of a cluster.
import json
import shlex
import subprocess
from pathlib import Path

LISTED = subprocess.run(
    [".venv/bin/python", "-m", "capsgan", "grid", "--study", STUDY, "--json"], check=True, capture_output=True, text=True
).stdout
RUNS = {run["id"]: run for run in map(json.loads, LISTED.splitlines())}
IS_PLANNED = any(line.startswith("plan:") for line in Path(STUDY).read_text(encoding="utf-8").splitlines())
NODE_TYPES = str(config.get("node_types", "")).split(",")  # features of nodes; all runs of one seed go to one of them


wildcard_constraints:
    run="|".join(RUNS),
    notebook="[0-9]{2}_[a-z_]+",


def options_of(wildcards):
    """The options of `capsgan train`."""
    return shlex.join(RUNS[wildcards.run]["arguments"])


def node_type(wildcards):
    """Histories are the same, bit for bit, on one CPU model only: the runs of one seed are trained on one."""
    return NODE_TYPES[RUNS[wildcards.run]["config"]["seed"] % len(NODE_TYPES)]


def minutes_to_train(wildcards, attempt):
    """Twice what one thread takes. An attempt that is cut short continues from its checkpoint in the next."""
    run = RUNS[wildcards.run]["config"]
    caps = 0.0 if run["discriminator"] == "cnn" else 1.5 * run["width"]  # seconds per step, batch 32, 28 × 28 pixels
    pixels = (run["image_size"] / 28) ** 2
    seconds = (0.15 + caps) * run["batch_size"] / 32 * pixels * (5 if run["gan"].startswith("wgan") else 1)
    return int(10 + 2 * attempt * run["steps"] * seconds / 60)


def memory_to_train(wildcards, attempt):
    """MB: TensorFlow itself and the data, and the activations of both players."""
    run = RUNS[wildcards.run]["config"]
    return int((1800 + 1500 * run["width"] * run["batch_size"] / 32 * (run["image_size"] / 28) ** 2) * attempt)
