"""煤矿/非煤矿山: gas, wind, fans, and how many persons are underground; slopes of open pits."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.dashboards.board import Board
from collector.dashboards.readings import Readings
from collector.dashboards.shared import ALARMS, MAP, MINES, NAMES, SEAL, open_alarms, sites_now
from collector.dashboards.words import Title
from profiles.load import Library

_PLACES = ("region", "site", "asset")
_WHICH = '"profile" =~ /^(coal|mine)-/'


def build(library: Library) -> Dashboard:
    """The dashboard."""
    board = Board(MINES, Title("煤矿与非煤矿山", "mines"), "瓦斯、风速、风机、井下人数 gas, wind, fans, persons")
    board.places("reading", *_PLACES, condition=_WHICH, narrow=True).marks("region", "site")
    board.deeper(*((uid, NAMES[uid]) for uid in (SEAL, ALARMS, MAP)))
    sites_now(board)
    coal = Readings(library, "coal-safety", *_PLACES)
    board.row(Title("煤矿", "coal mines"))
    for name in ("0001", "0011", "0004", "0002"):
        board.add(coal.course(name), 12)
    board.add(coal.switch("1010"), 12)
    board.add(coal.switch("1001"), 12)
    board.add(Readings(library, "coal-personnel", *_PLACES).course("RS"), 24)
    metal = Readings(library, "mine-underground", *_PLACES)
    board.row(Title("非煤地下矿山", "metal and non-metal mines"))
    for name in ("CO", "O2", "FS", "RY"):
        board.add(metal.course(name), 12)
    board.add(metal.switch("FJ"), 12)
    board.add(metal.switch("FJ1001"), 12)
    board.row(Title("露天矿山边坡", "slopes of open pits"))
    slope = Readings(library, "mine-openpit-slope", *_PLACES)
    for name in ("GN-SD", "LD-SD"):
        board.add(slope.course(name), 12)
    board.add(open_alarms("region", "site", condition=_WHICH), 24, 10)
    return board.build()
