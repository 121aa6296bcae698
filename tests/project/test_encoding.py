"""Text is read and written as UTF-8 everywhere: the locale decides nothing."""

import ast

import pytest

from capsgan.paths import ROOT

FILES = [path for part in ("lib", "scripts", "benchmarks") for path in sorted((ROOT / part).rglob("*.py"))]
FILES += [ROOT / "conftest.py"]


def left_to_the_locale(tree: ast.AST) -> list[int]:
    """Lines of calls that read or write text and do not say how it is encoded."""
    lines = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        options = {keyword.arg: keyword.value for keyword in node.keywords}
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        image = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") in (
            "Image",
            "os",
            "tarfile",
        )
        opens = name in ("open", "fdopen") and not image and not any("b" in mode for mode in texts if len(mode) < 4)
        opens |= name == "fdopen"
        decodes = name in ("run", "Popen", "check_output") and "text" in options
        if (name in ("read_text", "write_text") or opens or decodes) and "encoding" not in options:
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_has_an_encoding(path):
    assert left_to_the_locale(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("code", ["p.read_text()", "p.open()", "open('a', 'w')", "run(c, text=True)", "p.open('a')"])
def test_a_text_without_one_is_seen(code):
    assert left_to_the_locale(ast.parse(code)) == [1]


@pytest.mark.parametrize("code", ["p.read_text(encoding='utf-8')", "p.open('rb')", "Image.open(f)", "run(c)"])
def test_one_with_it_is_not(code):
    assert left_to_the_locale(ast.parse(code)) == []
