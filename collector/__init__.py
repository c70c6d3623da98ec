"""The bureau's side: intake, normaliser, sinks, registry, dead letters, CLI edge-collector."""
