"""Notifications: who is told of an alarm, and how."""
