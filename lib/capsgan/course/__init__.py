"""Extras of the notebooks: exercises that check themselves, and a widget."""
