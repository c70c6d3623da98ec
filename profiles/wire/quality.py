"""Quality of a value: ``good``, ``uncertain:<reason>`` or ``bad:<reason>`` (OPC UA part 8 knows the same three).

The reasons are those of the specification notes (6.3, abnormal-data rules) and of the drivers. Good is left out on
the wire; a null value is never good.
"""

from __future__ import annotations

GOOD = "good"
PATTERN = r"^(good|(uncertain|bad):[a-z][a-z0-9_]{0,47})$"

BAD_LINK = "bad:link"  # the device does not answer
BAD_NOT_FINITE = "bad:not_finite"  # NaN or infinity; the value travels as null
BAD_NOT_A_NUMBER = "bad:not_a_number"
BAD_ADDRESS = "bad:address"  # the device refuses this address or node
BAD_DECODE = "bad:decode"  # the bytes are no value of the declared type
BAD_INSTRUMENT = "bad:instrument"  # the instrument itself reports a fault
BAD_RANGE = "bad:range"
BAD_TIME_FUTURE = "bad:time_future"
BAD_TIME_OLD = "bad:time_old"  # a record written down long before it came here
UNCERTAIN_TIME_OLD = "uncertain:time_old"  # a present value that stands for long, or an instrument's clock at fault
BAD_STALE = "bad:stale"
UNCERTAIN_CLOCK = "uncertain:clock"
UNCERTAIN_INSTRUMENT = "uncertain:instrument"
UNCERTAIN_OVERFLOW = "uncertain:overflow"  # the server lost changes before this one: its queue was full
UNCERTAIN_JUMP = "uncertain:jump"
UNCERTAIN_FROZEN = "uncertain:frozen"
UNCERTAIN_PARTIAL = "uncertain:partial"  # counted over a part of its period only
UNCERTAIN_RESET = "uncertain:reset"  # an accumulated value fell: it was set back


def is_good(quality: str) -> bool:
    """Whether a value of this quality may be used without a second thought."""
    return quality == GOOD


def is_bad(quality: str) -> bool:
    """Whether a value of this quality must not be used (``isValid=false`` in the specification, 1.10)."""
    return quality.startswith("bad:")


def worst(first: str, second: str) -> str:
    """The graver of two qualities; of two equally grave ones the first."""
    rank = {"g": 0, "u": 1, "b": 2}
    return second if rank[second[0]] > rank[first[0]] else first
