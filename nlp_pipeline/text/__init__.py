"""Floor 0: words, spans, tags and vocabularies, in plain Python."""
