"""A certificate authority of one's own, for a broker, its collectors and their agents."""
