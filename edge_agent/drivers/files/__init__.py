"""Files that a mine's own systems write into a folder."""
