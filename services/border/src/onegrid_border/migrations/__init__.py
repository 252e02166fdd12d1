"""border's migrations."""
