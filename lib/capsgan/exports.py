"""Names that a package offers from its modules, each imported when it is first used."""

import importlib
from collections.abc import Callable, Mapping


def exported(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The ``__getattr__`` of ``package`` for ``homes``: name → module, relative to the package."""

    def __getattr__(name: str):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{homes[name]}", package), name)

    return __getattr__
