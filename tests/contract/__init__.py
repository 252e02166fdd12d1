"""Tests of the contracts, against one running platform."""
