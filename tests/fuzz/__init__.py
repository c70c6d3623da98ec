"""Fuzzers of all that decodes what others wrote. ``make fuzz SECONDS=600`` runs each; what they found is in
tests/cases/fuzz.
"""
