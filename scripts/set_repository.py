"""Stamp the repository's address: ``python scripts/set_repository.py OWNER/NAME``.

The address stands in pyproject.toml, under [project.urls]. What a reader can only use with the address written out is
stamped from there: Colab badges, the setup cells of the notebooks, README.md and CITATION.cff.
"""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWNER = r"(?=[^/]{1,39}/)[A-Za-z0-9](?:-?[A-Za-z0-9])*"  # GitHub's rules
NAME = r"(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}"
ANY = r"[\w-]+/[\w.-]+?"
PLACES = (  # found whatever address stands in them
    rf"(colab\.research\.google\.com/github/){ANY}(?=/blob/)",
    rf"(github\.com/){ANY}(?=/actions/workflows/)",
    rf'(?m)(^(?:REPOSITORY|Repository) = "https://github\.com/){ANY}(?=")',
    rf'(?m)(^repository-code: "https://github\.com/){ANY}(?=")',
)


def main(arguments: list[str] | None = None) -> int:
    """Stamp every file that holds the address; the exit status is 2 if the name or a file cannot be used."""
    parser = argparse.ArgumentParser(description="Stamp the repository's address into notebooks, README and metadata.")
    parser.add_argument("repository", metavar="OWNER/NAME", help="as in https://github.com/OWNER/NAME")
    new = parser.parse_args(arguments).repository
    try:
        if not re.fullmatch(f"{OWNER}/{NAME}", new):
            raise ValueError(f"{new!r} is no repository of GitHub; give it as OWNER/NAME, e.g. capsgan/capsgan")
        stamped = {path: stamp_file(path, current_repository(), new) for path in stamped_files()}
    except (OSError, ValueError, KeyError) as error:
        print(f"set_repository: {error}", file=sys.stderr)
        return 2
    changed = [path for path, text in stamped.items() if text != path.read_text(encoding="utf-8")]
    for path in sorted(changed, key=lambda path: path.name == "pyproject.toml"):  # the source of the old address last
        path.write_text(stamped[path], encoding="utf-8", newline="\n")
        print(path.relative_to(ROOT))
    print(f"{len(changed)} files changed; the repository is https://github.com/{new}")
    return 0


def current_repository() -> str:
    """OWNER/NAME as pyproject.toml has it."""
    url = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    return url.removeprefix("https://github.com/")


def stamped_files() -> list[Path]:
    """The files that hold the address, those of them that are there."""
    notebooks = (ROOT / "notebooks").rglob("*.ipynb")
    named = (ROOT / name for name in ("README.md", "CITATION.cff", "pyproject.toml"))
    return [*sorted(p for p in notebooks if ".ipynb_checkpoints" not in p.parts), *(p for p in named if p.exists())]


def stamp_file(path: Path, old: str, new: str) -> str:
    """A file's text with the address replaced; of a notebook the cells, not the outputs."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return stamp(text, old, new)
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.relative_to(ROOT)} is no notebook: {error}") from error
    before = json.dumps(notebook)
    for cell in notebook["cells"]:
        source = cell["source"]
        cell["source"] = stamp(source, old, new) if isinstance(source, str) else [stamp(s, old, new) for s in source]
    return text if json.dumps(notebook) == before else json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def stamp(text: str, old: str, new: str) -> str:
    """Replace the address in the places of ``PLACES``, and the old one wherever it stands as a link to GitHub."""
    for pattern in (*PLACES, rf"(\bgithub\.com/){re.escape(old)}(?![\w-])"):
        text = re.sub(pattern, lambda match: match[1] + new, text)
    return text


if __name__ == "__main__":
    sys.exit(main())
