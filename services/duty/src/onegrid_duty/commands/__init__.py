"""What can be done with rosters and shifts; each function runs in its caller's transaction."""
