"""HTTP(S): a POST a packet, and log-in by headers or OAuth2."""
