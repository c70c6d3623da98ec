"""Settings: YAML text to checked models with positions, secrets, MQTT/TLS settings, logging, templates."""
