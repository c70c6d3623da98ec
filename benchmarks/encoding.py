"""How fast are reports made? Bodies of each family, and the ciphers around them: ``python -m benchmarks.encoding``.

Readings of 500 points to the bodies of families S (hazardous chemicals), M (mines) and text files, as the reporter has
them made, side by side; one in fifty is bad. Ciphers and keyed digests on a body of 64 KiB, padding and writing as text
included. CPU of one core; one JSON line.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Sequence

from collector.directory import Place
from collector.reports.ciphers import Aes, Sm4, encrypt
from collector.reports.digests import HmacSm3, digest
from collector.reports.encoders.base import Draft, Due, Encoder, Gateway
from collector.reports.encoders.chemical import ChemicalEncoder
from collector.reports.encoders.mine import MineEncoder
from collector.reports.encoders.text_file import TextFileEncoder
from profiles.load import library
from profiles.wire.messages import Asset, Limits, Manifest, ManifestTag, Point, Site

POINTS, SECONDS, RUNS = 500, 0.5, 5
AT = 1_795_438_200_000
PLANT, POND, MINE = "110110001", "429021001003", "140199900001"
Family = tuple[type[Encoder], Gateway, list[Due]]


def due(profile: str, site: str, gateway: str, quantity: str, code: str, limits: Limits) -> list[Due]:
    """A reading of each of `POINTS` points; `code` has a place for its number."""
    unit = library()[profile].quantities[quantity].unit
    found = []
    for at in range(POINTS):
        # an asset's code stands at the point's beginning in family S, the mine's own code does in the others
        own = code.format(at)
        asset = own[:17] if profile == "hazchem-storage" else site
        point = Point(profile=profile, asset=asset, quantity=quantity, code=own)
        spec = ManifestTag(type="number", device="d", unit=unit, label=f"测点{at}#", point=point, limits=limits)
        where = Site(code=site, name="示例", adcode=site[:6], gateway=gateway)
        manifest = Manifest(v=1, software="bench", site=where, tags={own: spec}, devices={})
        place = Place("a", own, spec, point, Asset(), where, manifest, {})
        found.append(Due(place, AT - 1000, 1.0 + at / 700, None, "bad:link" if at % 50 == 0 else "good"))
    return found


def families() -> dict[str, Family]:
    hh = Limits(HH=50.0, H=40.0)
    plant = due("hazchem-storage", PLANT, f"{PLANT}01", "YW", f"{PLANT}001G{{:04}}YW001", hh)
    pond = due("tailings", POND, f"{POND}01", "KSW", f"{POND}01MN9110KSW{{:03}}", Limits(RED=812.0, BLUE=811.0))
    mine = due("coal-safety", MINE, MINE, "0001", f"{MINE}01MN0001A{{:04}}", Limits(HH=1.5, H=1.0))
    return {
        "S": (ChemicalEncoder, Gateway(library()["hazchem-storage"], PLANT, f"{PLANT}01"), plant),
        "M": (MineEncoder, Gateway(library()["tailings"], POND, f"{POND}01"), pond),
        "text": (TextFileEncoder, Gateway(library()["coal-safety"], MINE, MINE, "示例煤矿"), mine),
    }


def seconds(work: Callable[[], object]) -> float:
    """CPU of one call: the best of some runs, each of many calls."""
    best = float("inf")
    for _ in range(RUNS):
        calls, begin = 0, time.process_time()
        while (taken := time.process_time() - begin) < SECONDS / RUNS or not calls:
            work()
            calls += 1
        best = min(best, taken / calls)
    return best


def family(encoder: type[Encoder], gateway: Gateway, readings: Sequence[Due]) -> dict[str, float]:
    def make() -> list[Draft]:
        return encoder.readings(gateway, AT, readings, resumed=False)

    drafts = make()
    if sum(len(draft.points) for draft in drafts) != POINTS:
        raise RuntimeError(f"{gateway.profile.profile}: not every reading stands in a packet")
    took = seconds(make)
    return {
        "readings_per_second": round(POINTS / took),
        "packets_per_second": round(len(drafts) / took),
        "readings_per_packet": round(POINTS / len(drafts)),
        "bytes_per_reading": round(sum(len(draft.body) for draft in drafts) / POINTS),
    }


def ciphers() -> dict[str, float]:
    """MB of body a second."""
    body = (b'{"quotaId":"110110001001G0001WD001","value":26.5,"isValid":true},' * 1100)[: 64 * 1024]
    key, iv = "0123456789abcdef", "fedcba9876543210"
    works: dict[str, Callable[[], object]] = {
        "aes-128-cbc, base64": lambda: encrypt(body, Aes(type="aes-128-cbc", key=key, iv=iv)),
        "sm4-cbc, hex": lambda: encrypt(body, Sm4(type="sm4-cbc", key=key, iv=iv)),
        "sm4-cbc, base64": lambda: encrypt(body, Sm4(type="sm4-cbc", key=key, iv=iv, encoding="base64")),
        "hmac-sha256": lambda: hmac.digest(key.encode(), body, "sha256"),
        "hmac-sm3": lambda: digest(body, HmacSm3(type="hmac-sm3", key=key)),
    }
    return {name: round(len(body) / seconds(work) / 1e6) for name, work in works.items()}


def main() -> None:
    made = {name: family(*its) for name, its in families().items()}
    rates = ciphers()
    readings = {name: each["readings_per_second"] for name, each in made.items()}
    ratios = {
        "m_to_s": round(readings["M"] / readings["S"], 2),
        "text_to_s": round(readings["text"] / readings["S"], 2),
        "sm4_to_aes": round(rates["sm4-cbc, base64"] / rates["aes-128-cbc, base64"], 3),
        "sm3_to_sha256": round(rates["hmac-sm3"] / rates["hmac-sha256"], 3),
    }
    print(json.dumps({"families": made, "megabytes_per_second": rates, **ratios}))


if __name__ == "__main__":
    main()
