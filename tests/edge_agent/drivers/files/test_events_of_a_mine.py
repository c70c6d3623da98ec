"""Records that name no point: microseismic events (`WZSJ`, notes on mines, 3) are the mine's."""

from __future__ import annotations

from pathlib import Path

from edge_agent.drivers.files.driver import FilesDriver
from tests.edge_agent.drivers.files.bench import MINE, bench, device, now, stamp, until, write


async def test_a_microseismic_event_is_of_the_mine_and_each_field_of_it_a_tag(tmp_path: Path) -> None:
    folder = tmp_path / "ky"
    folder.mkdir()
    tags = [{"name": "ENERGY", "code": MINE, "unit": "J"}] + [
        {"name": field, "code": MINE, "kind": "WZSJ", "field": field} for field in ("x", "magnitude")
    ]
    settings = device(folder, tags, format={"type": "text", "profile": "coal-pressure"})
    assert FilesDriver.check([settings]) == []
    at = now() - 60_000
    async with bench(tmp_path / "state", settings) as this:
        lines = "".join(
            f"E{number};{stamp(at + number * 1000)};{number}.5;2;3;{energy};1.2;9;1301~"
            for number, energy in ((1, 500), (2, 52000))
        )
        write(folder, f"{MINE};矿;{stamp(at + 5000)}~{lines}||", at + 5000, "WZSJ")
        await until(lambda: len(this.of("ENERGY")) == 2 and this.remembered(), "both events")
        assert this.of("ENERGY") == [(at + 1000, 500, "good"), (at + 2000, 52000, "good")]
        assert this.of("x") == [(at + 1000, 1.5, "good"), (at + 2000, 2.5, "good")]
        assert [value for _at, value, _quality in this.of("magnitude")] == [1.2, 1.2]
