"""Compliance (接入合规): how much of what is due comes, how good and how soon; how fast alarms are closed."""
