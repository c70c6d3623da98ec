"""The outbox, held to its promises."""
