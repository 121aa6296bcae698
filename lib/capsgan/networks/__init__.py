"""Generators and discriminators, the capsules they are made of, and what they cost."""

from .capsules import RoutingCapsules, Squash, gated_capsules, primary_capsules, route, squash
from .layers import UpsampleConv2D
