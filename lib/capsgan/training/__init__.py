"""One run or many, from a config to trained weights."""
