"""Envelope and manifest and profile to records in a specification's own terms."""
