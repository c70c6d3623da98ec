"""TCP with ``@@`` behind each frame."""
