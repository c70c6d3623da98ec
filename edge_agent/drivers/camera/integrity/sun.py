"""How high the sun stands: whether it ought to be day."""

from __future__ import annotations

from math import asin, cos, degrees, pi, radians, sin

DAY_MS = 86_400_000
SOLSTICE = 355
"""Day of the year of the winter solstice (21 December)."""
TILT = 23.44
"""Degrees of the earth's axis."""


def elevation(time: int, lon: float, lat: float) -> float:
    """Degrees above the horizon at `time` (ms since 1970 UTC); within 5 degrees, since a year is taken for a circle."""
    days = time / DAY_MS
    declination = -TILT * cos(2 * pi * (days % 365.2422 - SOLSTICE) / 365.2422)
    hour_angle = 2 * pi * ((days + lon / 360) % 1 - 0.5)
    north, height = radians(lat), radians(declination)
    return degrees(asin(sin(north) * sin(height) + cos(north) * cos(height) * cos(hour_angle)))
