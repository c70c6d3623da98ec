"""Spec-shaped reports to upper platforms: due readings to packets, packets through a durable queue to a transport."""
