"""Names that others chose stay names: they lead out of no folder and end no statement."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from collector.evidence.files import EvidenceFiles
from collector.reports.transports.base import Outgoing, file_place
from collector.sinks.influxdb.sink import _literal

NAMES = st.one_of(st.text(max_size=40), st.text(alphabet="./\\'\"\n\0a; -", max_size=12))


@given(path=NAMES, name=NAMES)
@example(path="..", name="x")
@example(path="", name="/etc/passwd")
def test_a_packet_is_written_below_its_folder_or_nowhere(path: str, name: str) -> None:
    place = file_place(Outgoing("id", b"", name=name, path=path))
    root = Path("/root")
    if place is not None:
        inside = Path(*(step for step in root.joinpath(*place).parts))
        assert root in inside.parents
        assert ".." not in inside.parts
        assert "\0" not in str(inside)


@given(name=NAMES)
@example(name="../../../etc/passwd")
def test_a_file_of_evidence_is_called_by_a_hash_whatever_its_id_is(name: str) -> None:
    path = EvidenceFiles(Path("/state"), 1).path("county-1/plant-1", name)
    assert path.parent == Path("/state/evidence/county-1+plant-1")
    assert re.fullmatch(r"[0-9a-f]{32}", path.name)


@given(text=NAMES)
@example(text="x' OR time > 0; DROP DATABASE edge --")
@example(text="\\'")
def test_a_text_of_a_query_ends_where_it_should(text: str) -> None:
    """InfluxQL's own grammar of a string: quotes and backslashes within have a backslash before them."""
    found = re.fullmatch(r"'((?:[^'\\\n]|\\['\\n])*)'", _literal(text))
    assert found is not None
    assert re.sub(r"\\(.)", lambda each: "\n" if each[1] == "n" else each[1], found[1]) == text
