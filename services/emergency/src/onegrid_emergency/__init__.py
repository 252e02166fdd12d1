"""Emergencies, from the first report until all clear."""
