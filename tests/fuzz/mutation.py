"""Bytes flipped, cut, doubled and spliced: the same for the same seed."""

import random

_TELLING = (
    *(b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"),
    *(b"NaN", b"1e400", b"-1", b"Infinity", b"9" * 400, b'"', b"[", b"{", b"null", b"\xef\xbb\xbf"),
)


def mutated(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """One to four changes of ``content``; some take bytes of ``other``."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        rng.choice((_flip, _set_number, _insert, _cut, _double, _remove))(data, rng)
    if rng.random() < 0.1 and other:
        begin = rng.randrange(len(other))
        place = rng.randint(0, len(data))
        data[place:place] = other[begin : begin + rng.randint(1, 2000)]
    return bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """Half of all changes fall on the head, where sizes and counts stand."""
    return rng.randrange(max(min(len(data), 256) if rng.random() < 0.5 else len(data), 1))


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _set_number(data: bytearray, rng: random.Random) -> None:
    place, number = _place(data, rng), rng.choice(_TELLING)
    data[place : place + len(number)] = number


def _insert(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    data[place:place] = rng.choice(_TELLING)


def _cut(data: bytearray, rng: random.Random) -> None:
    if rng.random() < 0.3:
        del data[_place(data, rng) :]


def _double(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    data[place:place] = data[place : place + rng.randint(1, 500)]


def _remove(data: bytearray, rng: random.Random) -> None:
    place = _place(data, rng)
    del data[place : place + rng.randint(1, 100)]
