"""Pictures and films that prove events: taken in chunk by chunk, verified by their hashes, kept while needed."""
