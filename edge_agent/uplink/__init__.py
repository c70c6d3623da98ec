"""The way from the outbox to the collector, over MQTT."""
