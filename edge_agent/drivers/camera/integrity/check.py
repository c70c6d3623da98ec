"""What the checks of a picture's quality have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge_agent.drivers.camera.analysis import View
from edge_agent.drivers.camera.findings import Fact, Look
from edge_agent.drivers.camera.integrity.reference import Scene
from profiles.seal import Seal

Verdict = tuple[bool | None, dict[str, Fact]]
"""Whether the trigger holds (None: cannot be judged), and the figures behind it."""
UNKNOWN: Verdict = (None, {})


class Check:
    """One quality event of one camera. A picture in which it holds is learnt from by nobody."""

    code: str
    """The event, as the profile has it."""
    blinds = False
    """Whether nothing else can be judged in a picture in which it holds."""
    every = 1.0
    """Seconds between two pictures that it wants (notes on mines, 5.4: one a second)."""

    def __init__(self, seal: Seal, scene: Scene) -> None:
        self.scene = scene
        self.asked = self.code in seal.events
        """A profile that takes an event out takes its check out."""
        self.triggers: Mapping[str, float] = seal.events[self.code].triggers if self.asked else {}
        self.name = self.code

    def period(self) -> float:
        """As `every` has it."""
        return self.every

    def look(self, view: View) -> Iterator[Look]:
        """The verdict of this picture."""
        if not self.asked:
            return
        holds, facts = self.judge(view)
        if holds:
            self.scene.complain(view.picture.at)
            if self.blinds and not view.blind:
                view.blind = self.code
        yield Look(self.code, holds, facts)

    def judge(self, view: View) -> Verdict:
        """What this picture says."""
        raise NotImplementedError

    def remember(self) -> Mapping[str, bytes]:
        """Nothing, unless a check has something."""
        return {}

    def recall(self, kept: Mapping[str, bytes]) -> None:
        """Nothing is taken back."""

    def relearn(self) -> None:
        """Nothing was learnt."""
