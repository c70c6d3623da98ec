"""Tests of the camera driver's presence."""
