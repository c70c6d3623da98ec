"""The whole path on one machine: simulated instruments, agent, broker, collector and store, counted value by value."""
