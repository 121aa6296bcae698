"""Generators and discriminators, the capsules they are made of, and what they cost."""
