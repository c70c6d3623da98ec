"""Stop and repair records (停用、检修): what ends a point's duty to report, and for how long."""
