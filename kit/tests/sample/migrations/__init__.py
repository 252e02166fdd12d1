"""The sample's tables."""
