"""Masks: how much is missing and where, the same again by seed, and refusals."""

import cv2
import numpy as np
import pytest

from capsgan.data.cartoon import draw_faces
from capsgan.data.holes import KINDS, centre_mask, make_masks, pixel_mask, stroke_mask
from capsgan.regeneration.masks import check_masks, find_scratches, hide, read_mask


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(28, 28), (40, 64)])
def test_a_mask_leaves_something_known_and_something_missing(kind, size):
    masks = make_masks(kind, 4, size, seed=1)
    assert masks.shape == (4, *size) and masks.dtype == bool
    assert (masks.any(axis=(1, 2)) & ~masks.all(axis=(1, 2))).all()
    assert (make_masks(kind, 4, size, seed=1) == masks).all()


@pytest.mark.parametrize("kind", ["pixels", "strokes", "scratches"])
def test_random_masks_differ_by_image_and_seed_but_not_by_their_number(kind):
    masks = make_masks(kind, 3, (64, 64), seed=1)
    assert (masks[0] != masks[1]).any() and (masks != make_masks(kind, 3, (64, 64), seed=2)).any()
    assert (make_masks(kind, 1, (64, 64), seed=1)[0] == masks[0]).all()


def test_the_centre_hole_is_a_quarter_in_the_middle():
    (known,) = centre_mask(1, (64, 64))
    assert (~known[16:48, 16:48]).all() and (~known).mean() == 0.25


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_half_is_missing_on_the_side_it_says(side):
    (known,) = make_masks(f"half-{side}", 1, (28, 28))
    turned = np.rot90(known, {"left": 0, "top": 1, "right": 2, "bottom": 3}[side])
    assert (~turned[:, :14]).all() and turned[:, 14:].all()


def test_just_the_share_of_pixels_asked_for_is_missing():
    assert ((~pixel_mask(3, (20, 20), missing=0.3)).sum(axis=(1, 2)) == 120).all()


def test_strokes_cover_a_fair_part_and_scratches_little():
    strokes, scratches = (1 - make_masks(kind, 50, (64, 64)).mean() for kind in ("strokes", "scratches"))
    assert 0.05 < strokes < 0.4 and 0.02 < scratches < 0.25
    assert (~stroke_mask(50, (64, 64), strokes=1)).any(axis=(1, 2)).all()


def test_drawn_scratches_are_found_and_whole_faces_have_few():
    faces, scratched = draw_faces("test")[0][:20], make_masks("scratches", 20, (64, 64), seed=5)
    rng, shares = np.random.default_rng(0), []
    for face, known in zip(faces, scratched, strict=True):
        colour = rng.choice([10, 245])
        damaged = np.where(known[..., None], face, np.uint8(colour))
        found = ~find_scratches(damaged)
        shares.append(((found & ~known).sum() / (~known).sum(), (~find_scratches(face)).mean()))
    recall, wrong = np.mean(shares, axis=0)
    assert recall > 0.75 and wrong < 0.05


@pytest.mark.parametrize("side", [64, 257])
def test_a_scratch_is_found_at_any_size_in_grey_too(side):
    photo = np.full((side, side + 10, 1), 120, "uint8")
    thickness = max(1, side // 64)
    photo[side // 4 : side // 4 + thickness, 5 : side - 5] = 255
    photo[side // 2 : side // 2 + thickness, side // 2 : side // 2 + thickness] = 255  # a speck
    found = ~find_scratches(photo)
    assert found[side // 4, 5 : side - 5].all() and not found[side // 2 - 2 :].any() and found.mean() < 0.1


def test_white_is_kept_in_a_file_and_black_with_invert(tmp_path):
    picture = np.full((10, 12), 255, "uint8")
    picture[2:5, 3:7] = 0
    cv2.imwrite(str(tmp_path / "a mask ñ.png"), picture)
    known = read_mask(tmp_path / "a mask ñ.png")
    assert (known == (picture > 0)).all()
    assert (read_mask(tmp_path / "a mask ñ.png", invert=True) == ~known).all()


def test_missing_pixels_are_grey():
    images = np.arange(2 * 4 * 4 * 3, dtype="uint8").reshape(2, 4, 4, 3)
    masks = centre_mask(2, (4, 4))
    hidden = hide(images, masks)
    assert (hidden[masks] == images[masks]).all() and (hidden[~masks] == 128).all()


@pytest.mark.parametrize(
    "masks, said",
    [
        (np.ones((4, 4), "uint8"), "dtype=uint8"),
        (np.ones((5, 4), bool), r"shape=\(5, 4\)"),
        (np.ones((3, 4, 4), bool), r"expected \(4, 4\) or \(2, 4, 4\)"),
        (np.ones((4, 4), bool), "mask 1 has no pixel missing"),
        (np.stack([np.eye(4, dtype=bool), np.zeros((4, 4), bool)]), "mask 2 has all pixels missing"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused(masks, said):
    with pytest.raises(ValueError, match=said):
        check_masks(masks, np.zeros((2, 4, 4, 1), "uint8"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: make_masks("corner", 1, (8, 8)),
        lambda: make_masks("half-up", 1, (8, 8)),
        lambda: centre_mask(1, (8, 8), share=1.0),
        lambda: pixel_mask(1, (8, 8), missing=0),
    ],
)
def test_what_is_no_mask_is_named_with_what_is_allowed(call):
    with pytest.raises(ValueError, match=r"=.*expected"):
        call()
