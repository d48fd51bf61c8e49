"""Floor 2: sentences become tensors."""
