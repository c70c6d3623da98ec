"""Durable destinations; each is registered by the entry point group collector.sinks."""
