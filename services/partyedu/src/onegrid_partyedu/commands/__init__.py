"""What can be done with organizations and members; each function runs in its caller's transaction."""
