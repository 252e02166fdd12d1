"""Where a person belongs, and when."""
