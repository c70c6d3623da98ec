"""What `doctor` and `support-bundle` of both programs share."""
