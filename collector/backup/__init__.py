"""Copies of all that a collector keeps, taken while it runs and put back: ``edge-collector backup`` and ``restore``."""
