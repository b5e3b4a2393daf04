"""SMPTE timecode (ST 12-1): the number that a camera gave a clip's first frame."""

import re
from fractions import Fraction

_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")
_DAY_HOURS = 24


def timecode_frames(timecode: str, rate: Fraction) -> int | None:
    """How many frames of ``rate`` come before a timecode; None for a text that is none.

    A semicolon or full stop before the frames marks drop-frame counting: of 30 (or 60) numbers a
    second, the first 2 (or 4) of each minute are left out, but for every tenth minute.
    """
    found = _TIMECODE.fullmatch(timecode.strip())
    per_second = round(rate)
    if found is None or per_second < 1:
        return None
    hours, minutes, seconds, number = (int(found[index]) for index in (1, 2, 3, 5))
    if minutes > 59 or seconds > 59 or number >= per_second:
        return None
    minute = hours * 60 + minutes
    count = (minute * 60 + seconds) * per_second + number
    return count - _dropped(timecode, per_second) * (minute - minute // 10)


def _dropped(timecode: str, per_second: int) -> int:
    """How many numbers are left out in a minute."""
    return per_second // 15 if set(timecode) & {";", "."} and per_second % 30 == 0 else 0


def advance_timecode(timecode: str, frames: int, rate: Fraction) -> str | None:
    """The timecode so many frames later, counted at ``rate``; None for a text that is none."""
    count, per_second = timecode_frames(timecode, rate), round(rate)
    if count is None:
        return None
    count += frames
    dropped = _dropped(timecode, per_second)
    if dropped:
        ten_minutes, rest = divmod(count, per_second * 600 - dropped * 9)
        beyond_first = max(rest - per_second * 60, 0)
        later = 0 if rest < per_second * 60 else 1 + beyond_first // (per_second * 60 - dropped)
        count += dropped * (9 * ten_minutes + later)
    total_seconds, number = divmod(count, per_second)
    total_minutes, seconds = divmod(total_seconds, 60)
    hours, minutes = divmod(total_minutes, 60)
    mark = ";" if dropped else ":"
    return f"{hours % _DAY_HOURS:02d}:{minutes:02d}:{seconds:02d}{mark}{number:02d}"
