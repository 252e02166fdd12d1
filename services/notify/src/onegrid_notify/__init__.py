"""Columns and articles, audiences, inboxes, and how far a notice reached."""
