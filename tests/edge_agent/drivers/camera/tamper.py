"""What is done to a camera, and what weather and light do to its pictures: alterations of films of real scenes.

An alteration takes a picture and its number and gives another picture; the same number gives the same picture, so that
a test repeats. Strength is the argument of each, in the words of whoever would do it: a share of the picture, pixels of
a picture 640 wide, degrees, grey levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.drivers.camera.picture import Image, Picture

Alter = Callable[[Image, int], Image]


def altered(
    pictures: Iterable[Picture], alter: Alter, *, since: float = 0.0, until: float = float("inf")
) -> Iterator[Picture]:
    """Each picture, those from `since` up to `until` (s of their own clock) altered."""
    for number, picture in enumerate(pictures):
        if since <= picture.at < until:
            yield Picture(alter(picture.image.copy(), number), time=picture.time, at=picture.at, key=picture.key)
        else:
            yield picture


def both(*alters: Alter) -> Alter:
    """One after the other."""

    def alter(image: Image, number: int) -> Image:
        for each in alters:
            image = each(image, number)
        return image

    return alter


# --- what people do


def cover(share: float = 1.0, grey: float = 20.0, *, noise: float = 2.0) -> Alter:
    """Something out of focus before the lens, from the left: its edge is soft, its surface of one grey with a slope."""

    def alter(image: Image, number: int) -> Image:
        height, width = image.shape[:2]
        at = np.linspace(0, 1, width, dtype=np.float32)
        here = np.clip((share - at) / 0.06 + 0.5, 0, 1) if share < 1 else np.ones_like(at)
        thing = grey + 6 * np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
        thing = thing + _random(number).normal(0, noise, image.shape).astype(np.float32)
        return _grey_levels(image * (1 - here[None, :, None]) + thing * here[None, :, None])

    return alter


def shift(right: float, down: float = 0.0) -> Alter:
    """The view turned sideways by so many pixels of 640; what comes in at the border is its mirror image."""
    return turn(0.0, right=right, down=down)


def turn(degrees: float, *, right: float = 0.0, down: float = 0.0, zoom: float = 1.0) -> Alter:
    """The camera turned about its own axis."""

    def alter(image: Image, _number: int) -> Image:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
        matrix[:, 2] += np.array([right, down]) * width / 640
        return _image(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101))

    return alter


def blur(sigma: float) -> Alter:
    """Out of focus by a Gaussian of so many pixels of 640."""
    return lambda image, _number: _image(cv2.GaussianBlur(image, (0, 0), sigma * image.shape[1] / 640))


def another(image: Image) -> Alter:
    """A still of another scene."""
    return lambda here, _number: _image(cv2.resize(image, here.shape[1::-1], interpolation=cv2.INTER_AREA))


def another_film(images: Sequence[Image]) -> Alter:
    """The film of another camera."""
    return lambda here, number: another(images[number % len(images)])(here, number)


def freeze() -> Alter:
    """The first picture that it is given, again and again."""
    kept: list[Image] = []

    def alter(image: Image, _number: int) -> Image:
        kept.append(image) if not kept else None
        return kept[0].copy()

    return alter


def loop(images: Sequence[Image]) -> Alter:
    """A recording played in a loop, whatever happens before the camera; nothing is changed in its pictures."""
    return lambda _image, number: images[number % len(images)].copy()


def resize(width: int, height: int) -> Alter:
    """Another resolution."""
    return lambda image, _number: _image(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))


# --- what the camera does


def gain(factor: float, offset: float = 0.0) -> Alter:
    """More or less light."""
    return lambda image, _number: _grey_levels(image.astype(np.float32) * factor + offset)


def contrast(factor: float) -> Alter:
    """Haze: all grey levels drawn towards their mean."""

    def alter(image: Image, _number: int) -> Image:
        mean = float(image.mean())
        return _grey_levels((image.astype(np.float32) - mean) * factor + mean)

    return alter


def noise(sigma: float) -> Alter:
    """Sensor noise of so many grey levels, the same in all colours."""
    return lambda image, number: _grey_levels(image + _normal(number, image.shape[:2])[..., None] * np.float32(sigma))


def grey() -> Alter:
    """Without colour."""
    return lambda image, _number: _image(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))


def infrared() -> Alter:
    """Night with the camera's own lamp: no colour, bright in the middle, dark at the border, noisy."""

    def alter(image: Image, number: int) -> Image:
        height, width = image.shape[:2]
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        lamp = 0.9 * np.exp(-1.2 * (x * x + y * y))[..., None]
        return noise(5)(_grey_levels(grey()(image, number) * lamp + 6), number)

    return alter


def shake(pixels: float) -> Alter:
    """A loose mast: the view jumps by so many pixels of 640, one sigma."""

    def alter(image: Image, number: int) -> Image:
        right, down = _random(number).normal(0, pixels, 2)
        return shift(float(right), float(down))(image, number)

    return alter


def compression(quality: int) -> Alter:
    """JPEG at this quality and back."""

    def alter(image: Image, _number: int) -> Image:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return _image(cv2.imdecode(data, cv2.IMREAD_COLOR))

    return alter


def clock(*, running: bool = True, per: int = 1) -> Alter:
    """A clock in the upper left corner (`CLOCK`) that counts one second each `per` pictures, or stands."""

    def alter(image: Image, number: int) -> Image:
        height, width = image.shape[:2]
        seconds = 36_000 + (number // per if running else 0)
        text = f"2027-01-15 {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        size = width / 640 * 0.6
        cv2.putText(image, text, (round(0.02 * width), round(0.06 * height)), 0, size, (0, 0, 0), 4, cv2.LINE_AA)
        cv2.putText(image, text, (round(0.02 * width), round(0.06 * height)), 0, size, (255, 255, 255), 1, cv2.LINE_AA)
        return image

    return alter


CLOCK = ((0.01, 0.01), (0.42, 0.01), (0.42, 0.08), (0.01, 0.08))
"""Where `clock` writes."""


# --- what weather, light and animals do: nobody is to be alarmed


def rain(drops: int = 400) -> Alter:
    """Streaks that fall, at another place in each picture."""

    def alter(image: Image, number: int) -> Image:
        height, width = image.shape[:2]
        layer = np.zeros((height, width), dtype=np.uint8)
        for x, y, length in _random(number).random((drops, 3)):
            start = int(x * width), int(y * height)
            cv2.line(layer, start, (start[0] + 2, start[1] + int((10 + 20 * length) * height / 480)), 90, 1)
        return _image(cv2.add(image, cv2.cvtColor(cv2.GaussianBlur(layer, (3, 3), 0), cv2.COLOR_GRAY2BGR)))

    return alter


def snow(flakes: int = 300) -> Alter:
    """White dots of several sizes, at another place in each picture."""

    def alter(image: Image, number: int) -> Image:
        height, width = image.shape[:2]
        for x, y, size in _random(number).random((flakes, 3)):
            cv2.circle(image, (int(x * width), int(y * height)), 1 + int(3 * size**3), (235, 235, 235), -1, cv2.LINE_AA)
        return image

    return alter


def headlights() -> Alter:
    """Two glaring lamps that cross the picture, with their halo and their light on everything."""

    def alter(image: Image, number: int) -> Image:
        height, width = image.shape[:2]
        at = float(_random(number // 20).uniform(0.5, 1.5)) * (number % 20) / 20 * width
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        glow = np.zeros((height, width), dtype=np.float32)
        for lamp in (at, at + 0.1 * width):
            glow += np.exp(-((x - lamp) ** 2 + (y - 0.6 * height) ** 2) / (0.08 * width) ** 2)
        return _grey_levels(image * 1.1 + 255 * glow[..., None])

    return alter


def lamp(x: float, y: float, grey: float = 150.0) -> Alter:
    """A lamp at a place in shares of the picture: a disc of 15 px of 640 so many grey levels brighter, and its halo."""

    def alter(image: Image, _number: int) -> Image:
        height, width = image.shape[:2]
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        far = np.hypot(columns - x * width, rows - y * height) / width
        light = np.where(far < 0.012, 1.0, 0.25 * np.exp(-((far / 0.05) ** 2)))
        return _grey_levels(image + grey * light[..., None].astype(np.float32))

    return alter


def shadows() -> Alter:
    """Shadows of clouds that pass: half as bright, soft borders."""

    def alter(image: Image, number: int) -> Image:
        width = image.shape[1]
        at = np.arange(width, dtype=np.float32) / width
        wave = np.cos(2 * np.pi * (at * 0.7 - number / 40)) + np.cos(2 * np.pi * (at * 0.3 - number / 91.7))
        dark = 0.5 + 0.5 / (1 + np.exp(-8 * wave))
        return _grey_levels(image * dark[None, :, None])

    return alter


def lightning(every: int = 15) -> Alter:
    """A flash in one picture of so many on the average."""
    return lambda image, number: gain(2.0, 60)(image, number) if _random(number).random() * every < 1 else image


def insects(number_of: int = 2) -> Alter:
    """Blurred bright blots near the lens, at another place in each picture."""

    def alter(image: Image, number: int) -> Image:
        height, width = image.shape[:2]
        layer = np.zeros_like(image)
        for x, y, size in _random(number).random((number_of, 3)):
            centre, radius = (int(x * width), int(y * height)), int((0.03 + 0.08 * size) * width)
            cv2.ellipse(layer, centre, (radius, radius // 2), 180 * size, 0, 360, (150, 150, 150), -1)
        return _image(cv2.add(image, cv2.GaussianBlur(layer, (0, 0), 0.015 * width)))

    return alter


def daylight(span: int = 600) -> Alter:
    """The light of a day, gain 0.7 to 1.3 and back within so many pictures."""
    return lambda image, number: gain(1.0 + 0.3 * float(np.sin(2 * np.pi * number / span)))(image, number)


# --- films


def still(path: Path, seconds: int, *, fps: float = 1.0, sigma: float = 3.0, start: int = 0) -> Iterator[Picture]:
    """A camera before an unmoving scene: one photograph with fresh sensor noise in each picture."""
    image = cv2.imread(str(path))
    assert image is not None, path
    image = cv2.resize(image, (640, 480), interpolation=cv2.INTER_AREA)
    for number in range(round(seconds * fps)):
        at = number / fps
        yield Picture(noise(sigma)(_image(image), start + number), time=1_800_000_000_000 + round(at * 1000), at=at)


def _random(number: int) -> np.random.Generator:
    return np.random.default_rng(number)


def _normal(number: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.random.default_rng(number).standard_normal(shape, dtype=np.float32)


def _grey_levels(values: NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def _image(image: object) -> Image:
    return np.asarray(image, dtype=np.uint8)
