"""Floor 3: bundles, and tagging of files."""
