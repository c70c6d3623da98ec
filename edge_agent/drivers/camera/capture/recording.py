"""A film's pictures for looking at it again: as fast as they can be had, with the recording's own time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.container
import av.error
import numpy as np

from edge_agent.drivers.camera.picture import Picture


def length(path: Path) -> float | None:
    """Seconds of a film by its header; None where it does not say. Errors as `pictures`."""
    with _opened(path) as film:
        return None if film.duration is None else float(film.duration / av.time_base)


def pictures(path: Path, *, start: int, due: Callable[[float], bool] = lambda _at: True) -> Iterator[Picture]:
    """Those whose moment is `due`, decoded once each; `start`: time of the first, ms since 1970 UTC.

    OSError for a file that is not there, ValueError for one that is no film or breaks off.
    """
    with _opened(path) as film:
        stream = film.streams.video[0] if film.streams.video else None
        if stream is None:
            raise ValueError(f"{path}: there is no video in it")
        stream.codec_context.thread_count = 1
        begun: float | None = None
        for frame in film.decode(stream):
            if frame.time is None or frame.is_corrupt:
                continue
            begun = frame.time if begun is None else begun
            at = frame.time - begun
            if due(at):
                image = np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
                yield Picture(image, time=start + round(at * 1000), at=at, key=bool(frame.key_frame))


@contextmanager
def _opened(path: Path) -> Iterator[av.container.InputContainer]:
    try:
        with av.open(str(path)) as film:
            yield film
    except av.error.FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such film") from None
    except av.error.FFmpegError as err:
        raise ValueError(f"{path}: it cannot be read as a film ({type(err).__name__})") from None
