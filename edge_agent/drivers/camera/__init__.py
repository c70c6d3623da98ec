"""Cameras of an electronic seal (电子封条): watched, never steered; what the pictures mean travels as events."""
