"""What holds now, written as facts from time to time: gateways, their devices, sites, and the limits of points."""
