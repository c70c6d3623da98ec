"""Tests of fetching the trained network."""
