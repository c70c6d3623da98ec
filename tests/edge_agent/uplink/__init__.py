"""The uplink, held to its promises against a real broker."""
