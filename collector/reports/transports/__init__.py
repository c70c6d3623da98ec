"""One folder a way to an upper platform."""
