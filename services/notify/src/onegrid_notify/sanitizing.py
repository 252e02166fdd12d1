"""What is left of HTML that others wrote."""
