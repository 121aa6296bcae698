"""Extras of the notebooks: exercises that check themselves, and a widget."""

from ..exports import exported

_HOMES = {"check": "exercises", "RegenerationTool": "widget"}
_HOMES |= dict.fromkeys(("check_versions", "show_opening"), "environment")
__all__ = sorted(_HOMES)
__getattr__ = exported(__name__, _HOMES)  # `check_versions` runs before what it checks is imported
