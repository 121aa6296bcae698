"""A training run on disk: config, history, samples, checkpoints, provenance, references."""
