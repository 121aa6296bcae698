"""Cartoon faces, drawn from random factors: colour images without a download. They say nothing about people."""

from functools import cache

import cv2
import numpy as np

COUNTS = {"train": 4000, "test": 1000}
HAIR_STYLES = ("short", "long", "curly", "spiky")
SKINS = ((255, 224, 196), (240, 194, 150), (206, 146, 100), (150, 96, 62), (98, 62, 44))  # light to dark, RGB
HAIRS = ((36, 28, 30), (96, 58, 32), (168, 84, 36), (232, 190, 92), (150, 150, 160), (196, 58, 70))
EYES = ((92, 56, 32), (52, 112, 190), (58, 136, 78), (112, 118, 130))
SHIRTS = ((214, 78, 74), (60, 112, 180), (78, 150, 98), (234, 178, 62), (122, 86, 160))
GROUNDS = ((190, 218, 240), (246, 226, 186), (206, 232, 204), (238, 206, 214), (216, 210, 234))
CHOICES = {"skin": SKINS, "hair_colour": HAIRS, "eye_colour": EYES, "shirt": SHIRTS, "ground": GROUNDS}
RANGES = {  # of the factors that are numbers; lengths in shares of the image's side
    "x": (0.44, 0.56),  # of the head's centre
    "y": (0.52, 0.58),
    "size": (0.24, 0.29),  # half the height of the head
    "rotation": (-15, 15),  # degrees, clockwise in the image's plane
    "breadth": (0.80, 0.94),  # of the head, in heights
    "eye_size": (0.75, 1.25),
    "mouth": (-0.5, 1),  # from sad to glad
    "light": (-1, 1),  # from the left (-1) or from the right (1)
}
OVERSAMPLING = 4  # drawn at so many times the size, then averaged: smooth edges
BITS = 8  # of a fraction of a pixel, in OpenCV's coordinates
TURN = np.linspace(0, 2 * np.pi, 32, endpoint=False)
CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)
DARK, WHITE, RED = (44, 34, 40), (255, 255, 255), (186, 62, 66)


def draw_faces(split: str = "train", image_size: int = 64) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """The cartoon faces of a split, the same on every machine; kept in memory, so do not change them.

    Uint8 [4000 or 1000, image_size, image_size, 3], RGB; labels int64 [n], ``2 · hair_style + glasses``; factors.
    """
    return _faces(split, image_size)


def draw_factors(split: str, count: int) -> dict[str, np.ndarray]:
    """What the faces of a split look like: arrays [count]; a larger ``count`` adds faces and changes none.

    ``hair_style``, ``glasses`` and the names of ``CHOICES`` are int64 (an index into their tables; glasses 0 or 1), the
    names of ``RANGES`` float64. Philox's raw bits, keyed by the split, never change between NumPy's versions.
    """
    names = [*CHOICES, *RANGES]
    bits = np.random.Philox(key=list(COUNTS).index(split)).random_raw(count * len(names)).reshape(count, len(names))
    uniform = dict(zip(names, ((bits >> np.uint64(11)) * 2.0**-53).T, strict=True))  # in [0, 1)
    label = np.arange(count) % (2 * len(HAIR_STYLES))  # in turn, so that the classes are of equal size
    factors = {"hair_style": label // 2, "glasses": label % 2}
    factors |= {name: (uniform[name] * len(table)).astype("int64") for name, table in CHOICES.items()}
    return factors | {name: low + uniform[name] * (high - low) for name, (low, high) in RANGES.items()}


def draw_face(factors: dict[str, float], image_size: int = 64) -> np.ndarray:
    """One face from single values of its factors: uint8 [image_size, image_size, 3], RGB."""
    pen = _Pen(image_size * OVERSAMPLING, factors)
    style = HAIR_STYLES[int(factors["hair_style"])]
    _draw_behind(pen, style)
    for side in (-1, 1):  # ears
        pen.oval(side * (pen.breadth + 0.02), 0.08, 0.17, 0.23, 0.9 * pen.skin)
    pen.fill(_head(pen.breadth), pen.skin)
    _draw_features(pen, factors)
    _draw_hair(pen, style)
    if factors["glasses"]:
        _draw_glasses(pen)
    small = cv2.resize(pen.canvas, (image_size, image_size), interpolation=cv2.INTER_AREA)
    across = np.linspace(-1, 1, image_size, dtype="float32")[:, None]
    return np.rint(small * (0.87 + 0.13 * np.float32(factors["light"]) * across)).astype("uint8")


@cache
def _faces(split: str, image_size: int):
    factors = draw_factors(split, COUNTS[split])
    images = np.empty((COUNTS[split], image_size, image_size, 3), "uint8")
    for number in range(len(images)):
        images[number] = draw_face({name: values[number] for name, values in factors.items()}, image_size)
    return images, 2 * factors["hair_style"] + factors["glasses"], factors


class _Pen:
    """Draws filled shapes in the head's coordinates: its centre is 0, 0, its crown y = -1, its chin y = 1."""

    def __init__(self, side: int, factors: dict):
        angle, scale = np.deg2rad(factors["rotation"]), side * factors["size"]
        cosine, sine = np.cos(angle), np.sin(angle)
        self.matrix = scale * np.array([[cosine, sine], [-sine, cosine]])
        self.origin = side * np.array([factors["x"], factors["y"]])
        self.scale, self.breadth = scale, factors["breadth"]
        self.skin, self.hair, self.iris, self.shirt, ground = (  # in the order of CHOICES
            np.array(table[int(factors[name])], float) for name, table in CHOICES.items()
        )
        self.canvas = np.empty((side, side, 3), "uint8")
        cv2.rectangle(self.canvas, (0, 0), (side, side), tuple(ground), cv2.FILLED)

    def fill(self, points, colour):
        """Fill a polygon [n, 2] with an RGB colour."""
        cv2.fillPoly(self.canvas, [self._pixels(points)], tuple(map(float, colour)), cv2.LINE_8, BITS)

    def line(self, points, width: float, colour, closed=False):
        """Draw along points [n, 2] with round ends."""
        thickness = max(1, round(width * self.scale))
        colour = tuple(map(float, colour))
        cv2.polylines(self.canvas, [self._pixels(points)], closed, colour, thickness, cv2.LINE_8, BITS)

    def oval(self, x, y, width, height, colour):
        """Fill an ellipse by its centre and half axes."""
        self.fill(_oval(x, y, width, height), colour)

    def _pixels(self, points) -> np.ndarray:
        return np.rint((np.asarray(points) @ self.matrix + self.origin - 0.5) * 2**BITS).astype("int32")


def _oval(x, y, width, height) -> np.ndarray:
    return CIRCLE * (width, height) + (x, y)


def _head(breadth: float) -> np.ndarray:
    """An ellipse with a slightly narrower chin."""
    narrow = 1 - 0.1 * np.clip(CIRCLE[:, 1], 0, None) ** 2
    return np.stack([breadth * narrow * CIRCLE[:, 0], CIRCLE[:, 1]], axis=1)


def _draw_behind(pen: _Pen, style: str):
    wide = pen.breadth
    if style == "long":
        ends = [(wide + 0.3, 1.35), (-wide - 0.3, 1.35)]
        pen.fill([*_arc(0, -0.15, wide + 0.22, 1.08, 180, 360), *ends], 0.85 * pen.hair)
    if style == "curly":
        for x, y in _arc(0, -0.25, wide + 0.1, 0.95, 155, 385, 11):
            pen.oval(x, y, 0.4, 0.4, 0.85 * pen.hair)
    pen.fill([*_arc(0, 2.0, 1.55, 0.85, 180, 360), (1.6, 4), (-1.6, 4)], pen.shirt)
    pen.fill([(-0.32, 0.7), (0.32, 0.7), (0.36, 1.25), (0, 1.45), (-0.36, 1.25)], 0.86 * pen.skin)


def _draw_features(pen: _Pen, factors: dict):
    big, glad = factors["eye_size"], factors["mouth"]
    eye = 0.42 * pen.breadth
    for side in (-1, 1):
        pen.oval(side * eye, 0.02, 0.20 * big, 0.22 * big, WHITE)
        pen.oval(side * eye, 0.04, 0.135 * big, 0.15 * big, pen.iris)
        pen.oval(side * eye, 0.04, 0.07 * big, 0.08 * big, DARK)
        pen.oval(side * eye + 0.05 * big, -0.03, 0.035 * big, 0.035 * big, WHITE)
        brow = _arc(side * eye, -0.22 - 0.1 * big, 0.23, 0.1, 200, 340)
        pen.line(brow, 0.08, 0.7 * pen.hair)
    pen.line(_arc(0, 0.32, 0.1, 0.09, 10, 170), 0.06, 0.74 * pen.skin)
    corners = np.linspace(-1, 1, 15)
    lips = np.stack([0.34 * corners, 0.66 - 0.2 * glad * (corners**2 - 0.5)], axis=1)
    if glad > 0.5:  # a smile that shows teeth
        pen.fill([*lips, (0.34, lips[-1, 1]), (-0.34, lips[0, 1])], WHITE)
    pen.line(lips, 0.09, 0.8 * np.array(RED))


def _draw_hair(pen: _Pen, style: str):
    wide, colour = pen.breadth, pen.hair
    if style == "short":  # a parting on the right
        fringe = [(wide * 0.9, -0.35), (0.45, -0.62), (-0.25, -0.48), (-0.85 * wide, -0.3)]
        pen.fill([*_arc(0, -0.1, wide + 0.09, 1.03, 172, 368), *fringe], colour)
    elif style == "long":  # a straight fringe and strands beside the cheeks
        pen.fill([*_arc(0, -0.12, wide + 0.16, 1.05, 180, 360), (wide * 0.93, -0.36), (-wide * 0.93, -0.36)], colour)
        for side in (-1, 1):
            edge = side * np.array([wide + 0.16, wide + 0.3, wide + 0.02, wide - 0.12])
            pen.fill(np.stack([edge, [-0.2, 1.3, 1.3, -0.4]], axis=1), colour)
    elif style == "curly":
        for x, y in _arc(0, -0.22, wide - 0.05, 0.66, 190, 350, 7):
            pen.oval(x, y, 0.3, 0.27, colour)
        for x, y in _arc(0, -0.3, wide - 0.15, 0.82, 200, 340, 6):
            pen.oval(x, y, 0.34, 0.34, colour)
    else:
        outer, inner = _arc(0, -0.1, wide + 0.3, 1.42, 188, 352, 8), _arc(0, -0.1, wide + 0.04, 1.0, 176, 364, 9)
        crown = np.empty((17, 2))
        crown[::2], crown[1::2] = inner, outer
        fringe = [(0.62 * wide, -0.5), (0.3, -0.3), (0.02, -0.52), (-0.3, -0.3), (-0.62 * wide, -0.5)]
        pen.fill([*crown, *fringe], colour)


def _draw_glasses(pen: _Pen):
    eye = 0.42 * pen.breadth
    for side in (-1, 1):
        pen.line(_oval(side * eye, 0.03, 0.335 * pen.breadth, 0.31), 0.085, DARK, closed=True)
        pen.line([(side * 0.76 * pen.breadth, -0.02), (side * (pen.breadth + 0.02), -0.06)], 0.08, DARK)
    pen.line([(-0.08, -0.02), (0.08, -0.02)], 0.085, DARK)


def _arc(x, y, width, height, first: float, last: float, count: int = 24) -> np.ndarray:
    """Points [count, 2] on an ellipse, from one angle to another: degrees, 0 is right, 90 is down."""
    turn = np.deg2rad(np.linspace(first, last, count))
    return np.stack([x + width * np.cos(turn), y + height * np.sin(turn)], axis=1)
