import ast
import json

import pytest

from capsgan.cli.commands import build_parser
from capsgan.cli.runs import read_train_config
from capsgan.paths import ROOT
from capsgan.profiles import PROFILES
from capsgan.study.blocks import read_blocks
from capsgan.study.plan import read_plan

STUDY, COURSE = ROOT / "study" / "study.yaml", ROOT / "study" / "course.yaml"


def write(folder, text):
    path = folder / "study.yaml"
    path.write_text(text)
    return path


def test_the_study_has_the_runs_of_the_analysis_plan():
    blocks = read_blocks(STUDY)
    planned = read_plan().configs()
    assert set(blocks) == {block for block, _, _ in planned}
    assert sorted(c.run_id for block in blocks.values() for c in block) == sorted(c.run_id for c in planned.values())


def test_a_block_is_all_combinations_of_its_lists(tmp_path):
    text = (
        "blocks: {x: {purpose: to see, gans: [dcgan, wgan], discriminators: [caps], seeds: [0, 3], widths: [0.5, 1]}}"
    )
    (configs,) = read_blocks(write(tmp_path, text), "quick").values()
    found = {(c.gan, c.discriminator, c.seed, c.width) for c in configs}
    assert len(configs) == 8 and found == {
        (g, "caps", s, w) for g in ("dcgan", "wgan") for s in (0, 3) for w in (0.5, 1)
    }
    assert {c.steps for c in configs} == {PROFILES["quick"].steps, PROFILES["quick"].wgan_steps}


@pytest.mark.parametrize(("profile", "steps"), [("quick", 250), ("smoke", 6)])
def test_steps_can_be_a_share_of_the_profiles_own(tmp_path, profile, steps):
    path = write(tmp_path, "blocks: {x: {purpose: p, gan: dcgan, discriminator: cnn, steps: 1/6}}")
    assert read_blocks(path, profile)["x"][0].steps == steps


def test_snapshots_are_one_value_and_a_seed_replaces_all(tmp_path):
    path = write(tmp_path, "profile: smoke\nblocks: {x: {purpose: p, gan: gan, discriminator: cnn, snapshots: [3, 6]}}")
    (config,) = read_blocks(path, "paper", seed=7)["x"]
    assert (config.snapshots, config.seed, config.steps) == ((3, 6), 7, PROFILES["smoke"].steps)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("blocks: {x: {purpose: p, gans: [dcgan], discriminators: [cnn], colour: [1]}}", "x: key='colour'"),
        ("blocks: {x: {gans: [dcgan], discriminators: [cnn]}}", "x: purpose"),
        ("blocks: {x: {purpose: p, gans: [gna], discriminators: [cnn]}}", "gan='gna'"),
        ("blocks: {x: {purpose: p, gans: [dcgan]}}", "x: .*discriminator"),
        ("blocks: {x: {purpose: p, gans: [dcgan], discriminators: [cnn], steps: many}}", "many"),
        ("runs: 3", "profile | plan | blocks"),
        ("- [", "cannot be read"),
    ],
)
def test_a_mistake_is_named_with_its_block(tmp_path, text, named):
    with pytest.raises(ValueError, match=named.replace("|", r"\|")):
        read_blocks(write(tmp_path, text), "smoke")


@pytest.mark.parametrize("path", [STUDY, COURSE], ids=lambda path: path.stem)
def test_the_command_of_a_run_trains_just_that_run(path):
    for config in (config for block in read_blocks(path, "quick").values() for config in block):
        options = build_parser().parse_args(["train", *config.arguments])
        assert read_train_config(options) == config, config.arguments


def trained_by(notebook, profile):
    """The configs of the notebook's ``profile.config(…)`` calls; both discriminators where a loop names them."""
    cells = [c for c in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    source = "\n".join("".join(cell["source"]) for cell in cells if "%" not in "".join(cell["source"])[:1])
    names = {"profile": profile, "SEED": 0, "DATASET": "cartoon"}
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "steps" and "profile" in ast.unparse(node):
            names["steps"] = eval(ast.unparse(node.value), {"max": max, "profile": profile})
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "profile.config":
            for trunk in ("cnn", "caps"):
                found.add(eval(ast.unparse(node), {"max": max}, names | {"trunk": trunk}))
    return found


@pytest.mark.parametrize("profile", ["smoke", "quick", "colab"])
@pytest.mark.parametrize("number", ["01", "02", "03", "04", "05", "07"])
def test_the_course_file_has_the_runs_that_its_notebooks_train(number, profile):
    (notebook,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    blocks = read_blocks(COURSE, profile)
    listed = {c.run_id for name, block in blocks.items() for c in block if name.split()[0] == notebook.stem}
    assert listed == {config.run_id for config in trained_by(notebook, PROFILES[profile])} != set()


def test_notebook_06_finds_all_its_runs_in_the_course_file():
    for profile in PROFILES.values():
        listed = {config.run_id for block in read_blocks(COURSE, profile.name).values() for config in block}
        assert {config.run_id for config in profile.grid()} <= listed
