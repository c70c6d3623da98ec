"""InfluxDB by its v2 or v1 interface."""
