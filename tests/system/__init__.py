"""Tests of the whole system, with every process running."""
