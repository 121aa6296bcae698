"""What the workflow itself costs for 10, 100 and 1,000 runs: no network is trained.

.venv/bin/python benchmarks/scheduling.py

Prints seconds of processor time (children included, so that other work on the machine counts little) and their ratio
to the row before. `list`: read the study file. `plan`: Snakemake's dry run of all trainings and evaluations. `pool`:
run that many jobs that do nothing. `table`: gather that many runs' scores.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from capsgan.paths import PACKAGE, ROOT
from capsgan.runs.reference import list_references

SNAKEMAKE = ROOT / "build" / "snakemake" / "bin" / "snakemake"
BLOCK = "profile: smoke\nblocks: {{all: {{purpose: p, gan: dcgan, discriminators: [cnn, caps], seeds: {seeds}}}}}\n"
POOL = """
import sys
from pathlib import Path
from capsgan.training.pool import Job, run_jobs
jobs = [Job(str(n), ["true"], Path(sys.argv[1]) / str(n)) for n in range(int(sys.argv[2]))]
assert len(run_jobs(jobs, 64)) == len(jobs)
"""


def processor_seconds(*command) -> float:
    """Run a command; the processor time of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(folder: Path, count: int, scores: dict) -> dict[str, float]:
    """Seconds of each part for ``count`` runs."""
    study, scored = folder / f"study{count}.yaml", folder / f"scored{count}"
    study.write_text(BLOCK.format(seeds=list(range(count // 2))), encoding="utf-8")
    scored.mkdir()
    for number in range(count):
        (scored / f"{number}.json").write_text(json.dumps(scores), encoding="utf-8")
    tools = ["--snakefile", str(ROOT / "Snakefile"), "--dry-run", "--quiet", "--nolock"]
    commands = {
        "list": (sys.executable, "-m", "capsgan", "grid", "--study", str(study), "--json"),
        "plan": (str(SNAKEMAKE), *tools, "--config", f"study={study}"),
        "pool": (sys.executable, "-c", POOL, str(folder / f"logs{count}"), str(count)),
        "table": (sys.executable, "workflow/scores.py", str(scored), str(folder / f"{count}.csv")),
    }
    return {name: processor_seconds(*command) for name, command in commands.items()}


def main():
    """Measure and print."""
    paths = [run.directory / "metrics.json" for run in list_references()]
    scores = json.loads(
        next(path for path in paths if path.exists()).read_text(encoding="utf-8")
    )  # real ones, many times
    with tempfile.TemporaryDirectory() as folder:
        before = None
        print(f"{'runs':>5} " + " ".join(f"{name:>14}" for name in ("list", "plan", "pool", "table")))
        for count in (10, 100, 1000):
            found = measure(Path(folder), count, scores)
            cells = [
                f"{s:6.2f} s" + (f" ×{s / before[name]:4.1f}" if before else "      ") for name, s in found.items()
            ]
            print(f"{count:5} " + " ".join(f"{cell:>14}" for cell in cells), flush=True)
            before = found


if __name__ == "__main__":
    main()
