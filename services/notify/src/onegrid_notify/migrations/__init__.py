"""notify's migrations."""
