"""Damaged images completed and restored, beside baselines that need no network."""
