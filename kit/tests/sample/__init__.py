"""A service small enough to see through: it announces that users were disabled, and notes each such event."""
