"""The platform that receives."""
