"""Warning of sustained trends (趋势预警), worked out from the store in the order of time."""
