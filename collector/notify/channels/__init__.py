"""The ways to reach somebody, a module each: its settings, and a class that sends one message."""
