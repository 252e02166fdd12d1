"""Duty rosters (值班): who is on duty, where and when."""
