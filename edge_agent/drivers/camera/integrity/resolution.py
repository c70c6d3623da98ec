"""q_resolution: the picture has another size than the registered one (分辨率异常): settings or camera were changed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.integrity.check import Check, Verdict


class Resolution(Check):
    """The first size that was seen is the registered one, until it is learnt anew (notes on mines, 5.4). No cost."""

    code = "q_resolution"
    _known: tuple[int, int] | None = None

    def judge(self, view: View) -> Verdict:
        """By width and height."""
        width, height = view.picture.size
        self._known = self._known or (width, height)
        known = "{}x{}".format(*self._known)
        return (width, height) != self._known, {"size": f"{width}x{height}", "registered": known}

    def remember(self) -> Mapping[str, bytes]:
        """The registered size."""
        return {"size.json": msgspec.json.encode(self._known)} if self._known else {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """A size that cannot be read is learnt anew."""
        try:
            self._known = msgspec.json.decode(kept.get("size.json", b""), type=tuple[int, int])
        except msgspec.DecodeError:
            self._known = None

    def relearn(self) -> None:
        """The next size is the registered one."""
        self._known = None
