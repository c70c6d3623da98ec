"""What `edge-agent doctor` looks at."""
