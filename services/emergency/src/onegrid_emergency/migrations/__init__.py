"""emergency's migrations."""
