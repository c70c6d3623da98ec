"""Reports to upper platforms."""
