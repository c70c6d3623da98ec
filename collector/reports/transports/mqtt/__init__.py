"""MQTT: packets to a platform's broker."""
