"""Border patrol."""
