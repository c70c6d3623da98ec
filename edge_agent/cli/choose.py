"""Which of a site's devices a command is about."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import click

from edge_agent.tags import DeviceSettings


def choose(
    devices: Sequence[DeviceSettings], names: Collection[str], tags: Collection[str] = ()
) -> list[DeviceSettings]:
    """The devices of these names (of any name, if none is given) that have one of these tags; usage error if none has.

    click.BadParameter names what there is instead.
    """
    known = {device.name for device in devices}
    if unknown := sorted(set(names) - known):
        raise click.BadParameter(f"no device is named {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    chosen = [device for device in devices if not names or device.name in names]
    if unknown := sorted(set(tags) - {tag.name for device in chosen for tag in device.all_tags()}):
        raise click.BadParameter(f"no tag of {', '.join(each.name for each in chosen)} is named {', '.join(unknown)}")
    return [device for device in chosen if not tags or any(tag.name in tags for tag in device.all_tags())]
