"""Camera makers' log curves, by what a clip's file says: they are flat and grey until converted.

Transfer codes are those of ITU-R H.273. Makers name their curves in QuickTime metadata (ARRI,
Atomos, Blackmagic) or in XML beside the tracks (Sony, Panasonic, Canon), where the names of keys
end with words such as gamma.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_CODES = {9: "log, 100:1", 10: "log, 316:1"}
_KEY = re.compile(r"gamma|transfer|curve|colou?r|look|profile|log", re.IGNORECASE)
_NAME = re.compile(
    r"\b((?:s|v|c|n|d|z|f|l|canon|apple|red|panalog|protune)[- _]?log[- _]?(?:[23]\b|m\b)?"
    r"|log[- _]?c[34]?\b|log3g10|davinci[- _]intermediate|(?:bmd|blackmagic)[^\w]?[\w ]*film\b"
    r"|acescct?\b|cineon)",
    re.IGNORECASE,
)
# It begins with fixed letters, so that searching 2 MB takes a millisecond and not forty.
_XML_GAMMA = re.compile(
    rb"Gamma(?:Equation)?\b[^>]{0,40}?(?:>|value\s*=\s*[\"'])\s*([^<\"']{1,40})",
)
_EDGE_BYTES = 2**20
"""Makers write their XML at a file's beginning or end."""


def log_curve(path: Path, transfer: int, metadata: Iterable[Mapping[str, str]]) -> str | None:
    """What a clip's file calls the log curve that its picture is coded in; None for no such.

    ``transfer`` is the picture's code, ``metadata`` that of the container and its streams.
    """
    if transfer in _CODES:
        return _CODES[transfer]
    named = [
        found[0].strip()
        for tags in metadata
        for key, value in tags.items()
        if _KEY.search(key) and (found := _NAME.search(value))
    ]
    if named:
        return named[0]
    with path.open("rb") as file:
        content = file.read(_EDGE_BYTES)
        file.seek(max(path.stat().st_size - _EDGE_BYTES, len(content)))
        content += file.read(_EDGE_BYTES)
    for gamma in _XML_GAMMA.finditer(content):
        if found := _NAME.search(gamma[1].decode("ascii", "replace")):
            return found[0].strip()
    return None
