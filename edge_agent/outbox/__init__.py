"""The agent's disk: a reading stays here until its collector says that every durable destination holds it."""
