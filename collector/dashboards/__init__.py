"""Grafana's dashboards, alert rules and data source as code: ``edge-collector grafana export``, docs/grafana.md."""
