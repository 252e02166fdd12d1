"""duty's migrations."""
