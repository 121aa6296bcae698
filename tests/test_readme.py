import re
import runpy
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_tables_are_the_committed_results():
    script = runpy.run_path(str(ROOT / "scripts" / "update_readme.py"))
    assert script["updated"](README) == README
    assert README.count("\n| ") > 20


def test_links_to_files_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_worked_example_of_a_new_gan_trains(monkeypatch):
    from capsgan import gans
    from capsgan.config import RunConfig
    from capsgan.engines import get_engine

    (code,) = (block for block in re.findall(r"```python\n(.*?)```", README, re.S) if "class LSGAN" in block)
    namespace = {"__name__": "capsgan.gans.lsgan", "__package__": "capsgan.gans"}
    exec(code, namespace)
    monkeypatch.setitem(gans.CLASSES, "dcgan", namespace["LSGAN"])  # in the place of a name that RunConfig knows
    gan = gans.build_gan(RunConfig("dcgan", "caps", width=1 / 32, batch_size=4), (28, 28, 1))
    step = get_engine().compile_step(gan, np.zeros((8, 28, 28, 1), "uint8"), np.zeros(8, "int64"))
    before = [weight.copy() for weight in gan.discriminator.get_weights()]
    assert np.isfinite(step(gan.draw_batch(1, 8))).all()
    assert any((a != b).any() for a, b in zip(before, gan.discriminator.get_weights(), strict=True))
