"""The command edge-collector, one module a command group."""
