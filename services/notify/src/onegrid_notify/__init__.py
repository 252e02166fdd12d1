"""Columns and articles, audiences, inboxes, deliveries by mail, SMS, push and robots, and how far a notice reached."""
