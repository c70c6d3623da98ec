"""One folder a driver; each is registered by the entry point group edge_agent.drivers."""
