"""Floor 5: the commands. They parse, call one function and print."""
