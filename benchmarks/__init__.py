"""Measurements side by side with a reference, printed as ratios; never part of the tests."""
