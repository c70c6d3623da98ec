"""What is wrong with the contacts of an electronic seal (电子封条) in the settings, for ``edge-agent check``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from config.load import Fault
from config.nodes import KeyPath
from edge_agent.tags import ContactSettings, DeviceSettings
from profiles.codes import code_faults
from profiles.load import Library
from profiles.model import Profile
from profiles.seal import Seal


def contact_faults(devices: Sequence[DeviceSettings], site: str, terminal: str, library: Library) -> Iterator[Fault]:
    """Every mistake at its key; `site` and `terminal` are the site's codes."""
    watched = {camera.position for device in devices if (camera := device.camera()) is not None}
    positions = {camera.code: camera.position for device in devices if (camera := device.camera()) is not None}
    for number, device in enumerate(devices):
        for index, tag in enumerate(device.all_tags()):
            if tag.seal is None:
                continue
            at: KeyPath = ("devices", number, "tags", index, "seal")
            if (kind := device.tag_type(tag)) != "flag":
                yield Fault(at, f"a contact is a switch; this tag is a {kind}: read it as one bit")
            profile = library.get(tag.seal.profile)
            if profile is None or profile.seal is None:
                known = ", ".join(name for name in library if library[name].seal is not None)
                what = f"{tag.seal.profile!r} describes no electronic seal; expected one of {known}"
                yield Fault((*at, "profile"), what)
                continue
            yield from _of_the_seal(at, tag.seal, profile.seal, watched)
            yield from _codes(at, tag.seal, profile, site, terminal)
            seen = positions.get(tag.seal.camera, tag.seal.position)
            if seen != tag.seal.position:
                what = f"camera {tag.seal.camera} watches {seen}, and the contact is at {tag.seal.position or 'none'}"
                yield Fault((*at, "camera"), what, "warning")


def _of_the_seal(at: KeyPath, contact: ContactSettings, seal: Seal, watched: Collection[str]) -> Iterator[Fault]:
    told = {name: event for name, event in seal.events.items() if event.contact}
    expected = f"expected one of {', '.join(f'{name} ({event.zh})' for name, event in told.items())}"
    if contact.event not in seal.events:
        yield Fault((*at, "event"), f"{contact.event!r} is none of the profile's events; {expected}")
    elif contact.event not in told:
        what = f"{contact.event} ({seal.events[contact.event].zh}) is told by cameras, and by no contact"
        yield Fault((*at, "event"), f"{what}; {expected}")
    if contact.mine_state and contact.mine_state not in seal.states:
        known = ", ".join(seal.states)
        yield Fault((*at, "mine_state"), f"{contact.mine_state!r} is no state; expected one of {known}")
    known = ", ".join(f"{name} ({each.en})" for name, each in seal.positions.items())
    if contact.position and contact.position not in seal.positions:
        yield Fault((*at, "position"), f"{contact.position!r} is no position; expected one of {known}")
    elif not contact.position and not watched:
        what = "position is missing: no camera of this agent watches one, so that nothing would come of the contact"
        yield Fault(at, f"{what}; expected one of {known}")
    elif not contact.position and any(contact.event in each.events for each in seal.positions.values()):
        yield Fault(at, f"position is missing: {contact.event} is at one of {known}")


def _codes(at: KeyPath, contact: ContactSettings, profile: Profile, site: str, terminal: str) -> Iterator[Fault]:
    if contact.camera and (rule := profile.codes.get("camera")) is not None:
        for text, severity in code_faults(rule, contact.camera):
            yield Fault((*at, "camera"), text, severity)
    if contact.camera:
        return
    if not terminal:
        what = "the platform is told of a camera or of the terminal; state camera here, or site: {gateway: …}"
        yield Fault(at, what)
    elif (rule := profile.codes.get("terminal")) is not None:
        for text, severity in code_faults(rule, terminal, site):
            yield Fault(("site", "gateway"), text, severity)
