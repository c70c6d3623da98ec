"""The command edge-agent, one module a command group."""
