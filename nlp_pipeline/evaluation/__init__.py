"""Floor 3: scores and reports."""
