"""Enterprise → county → city → province → ministry: a collector that delivers to a higher one is an agent to it."""
