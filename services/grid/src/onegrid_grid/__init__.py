"""Divisions, grid cells and appointments."""
