"""What `edge-collector doctor` looks at."""
