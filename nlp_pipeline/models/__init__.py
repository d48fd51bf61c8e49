"""Floor 2: the networks, put together from layers."""
