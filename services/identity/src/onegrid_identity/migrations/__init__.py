"""identity's migrations."""
