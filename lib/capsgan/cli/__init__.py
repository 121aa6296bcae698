"""The command line, ``python -m capsgan``."""
