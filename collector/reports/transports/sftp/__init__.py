"""SFTP: files onto somebody else's server."""
