"""What can be done, a file for each noun; each function runs in its caller's transaction."""
