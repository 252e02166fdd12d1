"""The statements over notify's tables, each named for what it answers. A file for each noun."""
