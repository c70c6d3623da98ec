"""What is wrong with the contacts of an electronic seal (电子封条) in the settings, for ``edge-agent check``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from config.load import Fault
from config.nodes import KeyPath
from edge_agent.tags import ContactSettings, DeviceSettings
from profiles.codes import code_faults
from profiles.load import Library
from profiles.seal import Seal


def contact_faults(devices: Sequence[DeviceSettings], site: str, terminal: str, library: Library) -> Iterator[Fault]:
    """Every mistake at its key; `site` and `terminal` are the site's codes."""
    contacts: dict[KeyPath, ContactSettings] = {}
    for number, device in enumerate(devices):
        for index, tag in enumerate(device.all_tags()):
            if tag.seal is None:
                continue
            at: KeyPath = ("devices", number, "tags", index, "seal")
            contacts[at] = tag.seal
            if (kind := device.tag_type(tag)) != "flag":
                yield Fault(at, f"a contact is a switch; this tag is a {kind}: read it as one bit")
    cameras = {camera.code: camera.position for device in devices if (camera := device.camera()) is not None}
    watched = {*cameras.values(), *(contact.position for contact in contacts.values())} - {""}
    for at, contact in contacts.items():
        profile = library.get(contact.profile)
        if profile is None or profile.seal is None:
            known = ", ".join(name for name in library if library[name].seal is not None)
            what = f"{contact.profile!r} describes no electronic seal; expected one of {known}"
            yield Fault((*at, "profile"), what)
            continue
        yield from _of_the_seal(at, contact, profile.seal, watched)
        if contact.camera and (rule := profile.codes.get("camera")) is not None:
            for text, severity in code_faults(rule, contact.camera):
                yield Fault((*at, "camera"), text, severity)
        if (seen := cameras.get(contact.camera, contact.position)) != contact.position:
            what = f"camera {contact.camera} watches {seen}, and the contact is at {contact.position or 'the terminal'}"
            yield Fault((*at, "camera"), what, "warning")
    yield from _terminal(contacts, site, terminal, library)


def _of_the_seal(at: KeyPath, contact: ContactSettings, seal: Seal, watched: Collection[str]) -> Iterator[Fault]:
    told = {name: event for name, event in seal.events.items() if event.contact}
    expected = f"expected one of {', '.join(f'{name} ({event.zh})' for name, event in told.items())}"
    if contact.event not in seal.events:
        yield Fault((*at, "event"), f"{contact.event!r} is none of the profile's events; {expected}")
    elif contact.event not in told:
        what = f"{contact.event} ({seal.events[contact.event].zh}) is told by no contact"
        yield Fault((*at, "event"), f"{what}; {expected}")
    if contact.mine_state and contact.mine_state not in seal.states:
        known = ", ".join(seal.states)
        yield Fault((*at, "mine_state"), f"{contact.mine_state!r} is no state; expected one of {known}")
    known = ", ".join(f"{name} ({each.en})" for name, each in seal.positions.items())
    if contact.position and contact.position not in seal.positions:
        yield Fault((*at, "position"), f"{contact.position!r} is no position; expected one of {known}")
    elif not contact.position and any(contact.event in each.events for each in seal.positions.values()):
        yield Fault(at, f"position is missing: {contact.event} is at one of {known}")
    elif not contact.position and not watched:
        what = "position is missing: this agent watches none, so that nothing would come of the contact"
        yield Fault(at, f"{what}; expected one of {known}")


def _terminal(
    contacts: Mapping[KeyPath, ContactSettings], site: str, terminal: str, library: Library
) -> Iterator[Fault]:
    """What is wrong with the code that the platform is told of contacts without a camera."""
    without = {at: each.profile for at, each in contacts.items() if not each.camera}
    if without and not terminal:
        what = "the platform is told of a camera or of the terminal; state camera here, or site: {gateway: …}"
        yield Fault(next(iter(without)), what)
        return
    for profile in sorted(set(without.values()) & library.keys()):
        if (rule := library[profile].codes.get("terminal")) is not None:
            for text, severity in code_faults(rule, terminal, site):
                yield Fault(("site", "gateway"), text, severity)
