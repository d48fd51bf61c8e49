"""Floor 4: what the commands do, one function a command, for anyone to call."""
