"""Two drawings about capsules, written as SVG: what a capsule answers, and what a gate and routing do with votes.

``draw_diagrams.py`` stores them in docs/pictures/.
"""

from __future__ import annotations

import numpy as np

DARK, QUIET, LINE, PALE, CAPS = "#222222", "#666666", "#999999", "#F4F4F4", "#D55E00"
PART_COLOURS = ("#E69F00", "#56B4E9", "#009E73")  # as in notebook 10
FONT = "DejaVu Sans, Verdana, Arial, sans-serif"

CASES = (  # title, degrees clockwise, length
    ("turned left", -40, 0.9),
    ("upright", 0, 0.9),
    ("turned right", 40, 0.9),
    ("hardly there", 40, 0.3),
    ("not there", 0, 0.0),
)
VOTES = np.array(  # of notebook 10: parts, wholes, numbers of a pose
    [[[1.6, 0.8], [1.0, 0.0]], [[1.4, 0.4], [-0.5, 0.9]], [[0.9, 0.8], [-0.5, -0.9]]]
)
ROUNDS = 3


def text(x: float, y: float, words: str, size: float = 14, colour: str = DARK, anchor: str = "middle", more: str = ""):
    """A line of text."""
    style = f'font-size="{size:g}" fill="{colour}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}{more}>{words}</text>'


def arrow(x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 3) -> str:
    """A line with a solid head, at most half as long as the arrow."""
    length = float(np.hypot(x1 - x0, y1 - y0))
    ahead = np.array([x1 - x0, y1 - y0]) / max(length, 1e-9)
    side, head = np.array([-ahead[1], ahead[0]]), min(4.5 * width, 0.5 * length)
    tip, neck = np.array([x1, y1]), np.array([x1, y1]) - head * ahead
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (tip, neck + 0.42 * head * side, neck - 0.42 * head * side))
    line = f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{neck[0]:.1f}" y2="{neck[1]:.1f}" stroke-width="{width:g}"/>'
    shapes = f'{line}<polygon points="{corners}" stroke="none"/>'
    return f'<g fill="{colour}" stroke="{colour}" stroke-linecap="round">{shapes}</g>'


def picture(width: int, height: int, title: str, shapes: list[str]) -> str:
    """An SVG file on white with a title."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" style="max-width:100%;height:auto"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}">'
    return "\n".join(
        [
            head,
            f" <title>{title}</title>",
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *shapes,
            "</svg>",
            "",
        ]
    )


def capsule_drawing() -> str:
    """Figure 1.3: a capsule's answer is a vector: how long says "is it there", where to says "in which pose"."""
    shapes, left, pitch = [], 200, 158
    shapes += [text(20, y, words, 15, anchor="start") for y, words in ((104, "in the image"), (292, "what the"))]
    shapes += [text(20, 312, "capsule answers", 15, anchor="start")]
    for place, (name, degrees, length) in enumerate(CASES):
        x = left + pitch * (place + 0.5) - 20
        shapes.append(text(x, 28, name, 15))
        shapes.append(f'<rect x="{x - 68:g}" y="40" width="136" height="120" rx="6" fill="{PALE}" stroke="#DDDDDD"/>')
        shapes.append(f'<g class="part" transform="translate({x:g} 100) rotate({degrees})">{eye(length)}</g>')
        shapes.append(arrow(x, 170, x, 202, LINE, 2))
        shapes.append(f'<circle cx="{x:g}" cy="282" r="68" fill="none" stroke="{LINE}" stroke-dasharray="3 4"/>')
        vector = arrow(0, 0, 0, -68 * length, CAPS, 4) if length else ""
        shapes.append(f'<g class="vector" transform="translate({x:g} 282) rotate({degrees})">{vector}</g>')
        shapes.append(f'<circle cx="{x:g}" cy="282" r="3.5" fill="{DARK}"/>')
        shapes.append(text(x, 372, f"length {length:g}", 14, CAPS if length else QUIET))
    shapes.append(text(20, 332, "(circle: length 1)", 12, QUIET, "start"))
    return picture(980, 390, "Figure 1.3: a capsule answers with a vector inside the unit circle", shapes)


def eye(length: float) -> str:
    """An eye with its brow around the origin, as visible as ``length`` says."""
    if not length:
        return ""
    seen = 1 if length > 0.5 else 0.22
    lids = f'<path d="M-46 8 Q0 -36 46 8 Q0 36 -46 8Z" fill="white" stroke="{DARK}" stroke-width="3.5"/>'
    iris = f'<circle cy="4" r="17" fill="#56B4E9"/><circle cy="4" r="8" fill="{DARK}"/>'
    light = '<circle cx="6" cy="-2" r="3.5" fill="white"/>'
    brow = '<path d="M-42 -26 Q4 -52 44 -24" fill="none" stroke="#96562E" stroke-width="8"/>'
    return f'<g opacity="{seen:g}" stroke-linecap="round">{lids}{iris}{light}{brow}</g>'


def route(votes: np.ndarray, rounds: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Couplings [parts, wholes] and outputs [wholes, numbers] of each round of routing (Sabour et al. 2017)."""
    logits, couplings, outputs = np.zeros(votes.shape[:2]), [], []
    for _ in range(rounds):
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        total = np.einsum("ij,ijd->jd", shares, votes)
        squares = (total**2).sum(axis=1, keepdims=True)
        output = squares / (1 + squares) * total / np.sqrt(squares + 1e-7)
        logits = logits + np.einsum("ijd,jd->ij", votes, output)
        couplings.append(shares)
        outputs.append(output)
    return couplings, outputs


def gate(u: np.ndarray) -> np.ndarray:
    """A gate as in listing 7.3 for numbers [n]: a dense layer, here a random one, of their softmax."""
    shares = np.exp(u) / np.exp(u).sum()
    weights = np.random.default_rng(4).uniform(-2, 4, (len(u), len(u)))
    return weights @ shares


def gate_and_routing_drawing() -> str:
    """The same twelve numbers, multiplied by a gate and routed by agreement."""
    shapes = [
        '<line x1="398" y1="20" x2="398" y2="460" stroke="#CCCCCC"/>',
        text(20, 32, "The thesis’s gate multiplies", 17, anchor="start", more=' font-weight="bold"'),
        text(420, 32, "Routing listens to votes that agree", 17, anchor="start", more=' font-weight="bold"'),
        *gate_shapes(20),
        *routing_shapes(420),
    ]
    return picture(1020, 476, "The thesis’s gate and dynamic routing, with the same twelve numbers", shapes)


def gate_shapes(left: float) -> list[str]:
    """Bars of the numbers, of the gate and of the products."""
    u = VOTES.ravel()
    rows = (("û", u, PART_COLOURS), ("gate", gate(u), (LINE,)), ("û ⊙ gate", u * gate(u), PART_COLOURS))
    shapes, unit = [], 20
    for y, (name, values, colours) in zip((96, 246, 394), rows, strict=True):
        shapes.append(text(left, y + 5, name, 15, anchor="start"))
        shapes.append(f'<line x1="{left + 86}" y1="{y}" x2="{left + 352}" y2="{y}" stroke="{LINE}"/>')
        for place, value in enumerate(values):
            colour = colours[place // 4 % len(colours)]
            tall = abs(unit * value)
            shapes.append(
                f'<rect x="{left + 92 + 22 * place:g}" y="{y - tall if value > 0 else y:.1f}" width="14" '
                f'height="{tall:.1f}" fill="{colour}"/>'
            )
    shapes.append(text(left, 124, "12 numbers", 12, QUIET, "start"))
    shapes.append(arrow(left + 200, 132, left + 200, 180, DARK, 2))
    shapes.append(text(left + 214, 153, "softmax over all 12,", 13, QUIET, "start"))
    shapes.append(text(left + 214, 171, "then a dense layer", 13, QUIET, "start"))
    shapes.append(arrow(left + 200, 262, left + 200, 310, DARK, 2))
    shapes.append(text(left + 214, 283, "times û, one number", 13, QUIET, "start"))
    shapes.append(text(left + 214, 301, "at a time", 13, QUIET, "start"))
    shapes.append(text(left, 446, "No number is compared with another part’s. This is", 13, QUIET, "start"))
    shapes.append(text(left, 464, "done three times, each with its own dense layer.", 13, QUIET, "start"))
    return shapes


def routing_shapes(left: float) -> list[str]:
    """The votes as arrows, and three rounds of couplings as lines."""
    couplings, outputs = route(VOTES, ROUNDS)
    shapes = [text(left + 62, 58, "the same numbers", 12, QUIET)]
    for y, whole in ((130, 0), (302, 1)):
        middle = left + 62
        shapes.append(f'<circle cx="{middle}" cy="{y}" r="62" fill="{PALE}"/>')
        shapes += [
            arrow(middle, y, middle + 33 * vote[0], y - 33 * vote[1], colour, 2.5)
            for vote, colour in zip(VOTES[:, whole], PART_COLOURS, strict=True)
        ]
        shapes.append(text(middle, y + 82, f"votes for {'AB'[whole]}", 14))
    for number, (shares, output) in enumerate(zip(couplings, outputs, strict=True)):
        x, ys, tops = left + 160 + 142 * number, (140, 225, 310), (150, 300)
        right = x + 92
        shapes.append(text(x + 46, 76, f"round {number + 1}", 15))
        for part, colour in enumerate(PART_COLOURS):
            for whole, top in enumerate(tops):
                wide = 13 * shares[part, whole]
                shapes.append(
                    f'<line class="coupling" x1="{x}" y1="{ys[part]}" x2="{right}" y2="{top}" stroke="{colour}" '
                    f'stroke-width="{wide:.2f}" opacity="0.75"/>'
                )
            shapes.append(f'<circle cx="{x}" cy="{ys[part]}" r="11" fill="{colour}"/>')
            shapes.append(text(x, ys[part] + 5, str(part + 1), 13, "white", more=' font-weight="bold"'))
        for whole, top in enumerate(tops):
            shapes.append(f'<circle cx="{right}" cy="{top}" r="26" fill="white" stroke="{DARK}"/>')
            vector = 26 * output[whole]
            shapes.append(arrow(right, top, right + vector[0], top - vector[1], CAPS, 2.5))
            told = f"{'AB'[whole]}: length {np.hypot(*output[whole]):.2f}"
            shapes.append(text(right - 6, top + (43 if whole else -34), told, 13, CAPS))
        shapes.append(text(x + 46, 388, "couplings to A", 12, QUIET))
        shapes.append(text(x + 46, 405, " · ".join(f"{share:.2f}" for share in shares[:, 0]), 12, QUIET))
    shapes.append(text(left, 446, "Line width: the coupling. A part’s two couplings sum to 1.", 13, QUIET, "start"))
    shapes.append(text(left, 464, "Each round, votes that agree with the whole gain weight.", 13, QUIET, "start"))
    return shapes
