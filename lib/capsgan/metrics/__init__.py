"""Scores of one run: its images against real ones, its discriminator, its code."""
