"""A folder that somebody else's program takes the files from."""
