"""One district in one process: the platform for a first look."""
