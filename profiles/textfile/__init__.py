"""Text files of mine systems: one grammar, whose marks, names and field lists are data of a profile."""
