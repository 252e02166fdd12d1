"""What is read of several tables at once."""
