"""What agents and collectors say to each other: topics, messages, frames (docs/delivery.md tells the promise)."""
