"""Floor 1: readers and writers of corpora, in plain Python."""
