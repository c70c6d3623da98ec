"""What both programs need to run for years: readiness and watchdog, journal, local socket, metrics, systemd unit."""
