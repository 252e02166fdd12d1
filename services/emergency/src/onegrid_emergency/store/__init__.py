"""emergency's statements, a file for each noun."""
