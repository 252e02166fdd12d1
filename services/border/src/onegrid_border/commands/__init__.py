"""What can be done on the border; each function runs in its caller's transaction. A file for each noun."""
