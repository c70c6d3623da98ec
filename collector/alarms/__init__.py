"""Alarms: the life of an event at the bureau (报警闭环)."""
