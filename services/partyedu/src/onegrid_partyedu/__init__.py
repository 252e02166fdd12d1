"""Party organizations, their members and what they study."""
