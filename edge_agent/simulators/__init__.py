"""Simulated instruments on real sockets, each with a ledger of every value it served."""
