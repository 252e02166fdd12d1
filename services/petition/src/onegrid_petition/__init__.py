"""Petitions, from filing to the petitioner's satisfaction."""
