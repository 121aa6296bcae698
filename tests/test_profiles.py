import pytest

from capsgan import profiles as module
from capsgan.profiles import PROFILES, get_profile


def test_a_grid_is_the_eight_runs_of_chapter_8_seed_by_seed():
    grid = PROFILES["smoke"].grid(seeds=(0, 1))
    assert len(grid) == 16
    assert [config.seed for config in grid] == [0] * 8 + [1] * 8
    names = [(config.gan, config.discriminator) for config in grid[:8]]
    assert names == [(gan, trunk) for gan in ("acgan", "dcgan", "infogan", "wgan") for trunk in ("cnn", "caps")]
    assert len({config.run_id for config in grid}) == 16


def test_profiles_have_the_scale_they_promise():
    assert {name: profile.dataset for name, profile in PROFILES.items()} == {
        "smoke": "mnist5k",
        "quick": "mnist5k",
        "study": "mnist",
        "colab": "mnist",
        "paper": "mnist",
    }
    paper = PROFILES["paper"]
    assert (paper.steps, paper.wgan_steps, paper.width, paper.seeds) == (20_000, 20_000, 1, 10)  # chapter 6
    for profile in PROFILES.values():
        wgan = profile.config("wgan", "caps", seed=4)
        assert (wgan.steps, wgan.width, wgan.seed) == (profile.wgan_steps, profile.width, 4)
        assert profile.config("dcgan", "cnn").steps == profile.steps
    assert PROFILES["smoke"].config("dcgan", "cnn", steps=3, batch_size=2).steps == 3
    study = PROFILES["study"]
    assert study.config("wgan", "cnn").snapshots == (140, 280, 420, 560, 700)
    assert study.config("dcgan", "cnn", steps=10, precision="float32").snapshots == (2, 4, 6, 8, 10)
    assert study.config("dcgan", "cnn", steps=3).snapshots == (1, 2, 3)
    assert study.config("dcgan", "cnn", steps=4, snapshots=()).snapshots == ()


@pytest.mark.parametrize("dataset", ["cartoon", "lfw", "folder"])
def test_faces_are_trained_at_a_scale_of_their_own(dataset, tmp_path):
    dataset = f"folder:{tmp_path}" if dataset == "folder" else dataset
    for profile in PROFILES.values():
        for gan, steps in (("dcgan", profile.faces.steps), ("wgan_gp", profile.faces.wgan_steps)):
            config = profile.config(gan, "caps", 2, dataset=dataset)
            assert (config.dataset, config.image_size, config.seed) == (dataset, 64, 2)
            assert (config.steps, config.width) == (steps, profile.faces.width)
            assert len(config.snapshots) == profile.snapshots
    quick = PROFILES["quick"]
    assert quick.config("dcgan", "caps", dataset=dataset, width=0.5, steps=3).width == 0.5
    assert quick.config("dcgan", "caps", dataset="mnist").width == quick.width != quick.faces.width


def test_a_profile_is_named_by_argument_then_environment_then_machine(monkeypatch):
    monkeypatch.setenv("CAPSGAN_PROFILE", "paper")
    assert get_profile().name == "paper" and get_profile("quick").name == "quick"
    monkeypatch.delenv("CAPSGAN_PROFILE")
    for gpu, name in ((True, "colab"), (False, "quick")):
        monkeypatch.setattr(module, "_gpu_present", lambda gpu=gpu: gpu)
        assert get_profile().name == name


def test_an_unknown_profile_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("CAPSGAN_PROFILE", "fast")
    with pytest.raises(ValueError, match=r"profile='fast'.*expected smoke \| quick \| study \| colab \| paper"):
        get_profile()
