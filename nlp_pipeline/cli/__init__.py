"""Floor 4: the commands. They parse, call one function and print."""
