"""petition's migrations."""
