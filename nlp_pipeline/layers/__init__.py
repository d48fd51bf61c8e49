"""Floor 1: Keras layers. They know no recipe and no file."""
