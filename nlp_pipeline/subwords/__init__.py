"""Floor 1: encoders' files, their tokenizers, and which subwords belong to which word."""
