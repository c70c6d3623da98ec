"""Files that tell of persons: kept apart from all readings, encrypted as they came, opened only for who has the key."""
