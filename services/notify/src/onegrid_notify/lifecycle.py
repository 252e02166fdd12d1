"""What may be done with an article in which state."""
