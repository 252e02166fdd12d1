"""What can be done in the grid; each function runs in its caller's transaction. A file for each noun."""
