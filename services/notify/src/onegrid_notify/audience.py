"""Whom something is for."""
