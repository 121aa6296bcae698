"""Extras of the notebooks: exercises that check themselves, and a widget."""

from ..exports import exported

_HOMES = {"check": "exercises", "check_versions": "environment", "RegenerationTool": "widget"}
__all__ = sorted(_HOMES)
__getattr__ = exported(__name__, _HOMES)  # `check_versions` runs before what it checks is imported
