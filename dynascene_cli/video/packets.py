"""The times of a video's frames, from a pass over its packets that decodes nothing."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from dynascene_cli.errors import InputError

_INDEXED = ("mov", "avi", "matroska", "flv", "asf")
_GUESSED = ("mjpeg", "obu")
"""Streams without a container, to which FFmpeg gives 25 frames a second for want of any."""
_BROADCAST = ("mpegts", "mpeg", "vob")
_JOIN_SECONDS = 10.0
"""A jump beyond this in a broadcast stream is a new recording's clock, as FFmpeg takes it."""


@dataclass(frozen=True, eq=False)
class Packets:
    """The shown frames' timestamps in presentation order, in ticks of ``tick`` seconds.

    ``joined``: the clock starts anew somewhere, so that times tell no frame; what comes after is
    counted on. ``timed`` is false where there are no times at all.
    """

    ticks: list[int]
    tick: Fraction
    last_duration: int
    cut_short: bool
    joined: bool
    timed: bool


def frame_times(
    path: Path, container: InputContainer, stream: VideoStream, rate: Fraction | None
) -> Packets:
    """The times of a stream's frames; of one without any, by the ``rate`` that is given.

    Raises:
        InputError: there are no times and no rate.
    """
    tick = Fraction(stream.time_base or Fraction(1, 90000))
    found = _Pass(container, stream, tick)
    found.run()
    if (found.untimed and not found.durations) or container.format.name in _GUESSED:
        if rate is None:
            raise InputError(f"{path} has no times", "give its frame rate: --fps 25")
        count = list(range(found.untimed + len(found.durations)))
        return Packets(count, 1 / rate, 1, cut_short=found.damaged, joined=False, timed=False)
    damaged = found.is_damaged()
    ticks = sorted(found.durations)
    if found.first_key is not None:
        ticks = [time for time in ticks if time >= found.first_key]
    if damaged:
        # Of the last frames, some may lack the ones shown before them, which were stored later.
        ticks = [time for time in ticks if time <= found.decoded_at]
    last_duration = found.durations[ticks[-1]] if ticks else 0
    joined = found.offset != 0
    return Packets(ticks, tick, last_duration, cut_short=damaged, joined=joined, timed=True)


class _Pass:
    def __init__(self, container: InputContainer, stream: VideoStream, tick: Fraction) -> None:
        self._container, self._stream, self._tick = container, stream, tick
        self._format = container.format.name
        self._indexed = any(name in self._format for name in _INDEXED)
        self._broadcast = any(name in self._format.split(",") for name in _BROADCAST)
        self._count, self._end = 0, 0.0
        self._ends_at = 0
        self._decoded_last: int | None = None
        self.durations: dict[int, int] = {}
        self.first_key: int | None = None
        self.decoded_at = 0
        self.offset = 0
        self.untimed = 0
        self.damaged = False

    def run(self) -> None:
        streams = self._container.streams
        try:
            for packet in self._container.demux(*streams.video, *streams.audio):
                if packet.size and not self._take(packet):
                    self.damaged = True
                    return
        except (av.FFmpegError, OSError, ValueError):
            self.damaged = True

    def _take(self, packet: "av.Packet[Any]") -> bool:
        """Note a packet's time; whether the file is whole so far."""
        ours = packet.stream_index == self._stream.index
        time = packet.pts if packet.pts is not None else packet.dts
        if time is None:
            self.untimed += ours
            return True
        if self._indexed and packet.is_corrupt:
            return False
        base = packet.time_base or self._tick
        self._end = max(self._end, float((time + (packet.duration or 0)) * base))
        if ours:
            self._take_frame(packet, time)
        return True

    def _take_frame(self, packet: "av.Packet[Any]", time: int) -> None:
        self._count += 1
        decoded_at = time if packet.dts is None else packet.dts
        if packet.dts is not None:
            self._join(decoded_at, time)
            self._decoded_last = decoded_at
        time += self.offset
        self.decoded_at = decoded_at + self.offset
        duration = packet.duration or 0
        self._ends_at = max(self._ends_at, time + duration)
        if packet.is_keyframe and self.first_key is None:
            self.first_key = time
        if self.first_key is not None and not packet.is_discard:
            self.durations[time] = duration

    def _join(self, decoded_at: int, time: int) -> None:
        """Where the clock starts anew, let what follows come after what was."""
        last = decoded_at if self._decoded_last is None else self._decoded_last
        step = float((decoded_at - last) * self._tick)
        if step < 0 or (self._broadcast and step > _JOIN_SECONDS):
            shown = sorted(self.durations)
            usual_step = shown[-1] - shown[-2] if len(shown) > 1 else 1
            self.offset = max(self._ends_at, shown[-1] + usual_step if shown else 0) - time

    def is_damaged(self) -> bool:
        container = self._container
        if "mov" in self._format:
            return self.damaged or self._count < len(self._stream.index_entries)
        if self._indexed and container.duration:
            begin = (container.start_time or 0) / av.time_base
            return self.damaged or self._end < begin + container.duration / av.time_base - 0.5
        return self.damaged
