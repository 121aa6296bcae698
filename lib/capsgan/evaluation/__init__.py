"""How good generated images are, in numbers, each beside the number that real images get."""
