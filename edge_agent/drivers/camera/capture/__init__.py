"""From a camera to its newest picture: sources, the thread that takes packets off, the ring for clips."""
