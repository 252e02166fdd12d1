"""grid's migrations."""
