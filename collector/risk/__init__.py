"""A site's risk score (风险分值): its open alarms, its validity and its link, by the formula in the profile."""
