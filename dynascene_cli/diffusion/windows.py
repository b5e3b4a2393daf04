"""A long clip as overlapping windows, each as long as the network can see at once.

A camera move ends elsewhere than it began, so windows never wrap around the clip's end.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor

from dynascene_cli.errors import InputError

Item = TypeVar("Item")


def windows(frame_count: int, length: int, overlap: int) -> tuple[range, ...]:
    """The frames of every window: of one length, evenly spread, overlapping at least by that much.

    A clip that is no longer than ``length`` is one window.

    Raises:
        InputError: windows of that length and overlap would not advance.
    """
    if not 0 <= overlap < length:
        raise InputError(
            f"windows of {length} frames cannot overlap by {overlap}",
            "an overlap is at least 0 and shorter than the window",
        )
    if frame_count <= length:
        return (range(frame_count),)
    spread = frame_count - length
    steps = -(-spread // (length - overlap))
    starts = [round(spread * index / steps) for index in range(steps + 1)]
    return tuple(range(start, start + length) for start in starts)


def items_of(spans: tuple[range, ...], stream: Iterator[Item]) -> Iterator[list[Item]]:
    """What a stream gives for each window in turn; it holds no more than one window of it."""
    held = OrderedDict[int, Item]()
    for span in spans:
        while len(held) == 0 or next(reversed(held)) < span.stop - 1:
            held[next(reversed(held)) + 1 if held else 0] = next(stream)
        for number in [number for number in held if number < span.start]:
            del held[number]
        yield [held[number] for number in span]


def blend_weights(spans: tuple[range, ...]) -> tuple[Tensor, ...]:
    """How much each window counts for each of its frames, (length,); they sum to 1 at every frame.

    A window rises as sin² over what it shares with the one before it and falls so over what it
    shares with the next: neither the weight nor its slope jumps.
    """
    ramps = [torch.ones(len(span)) for span in spans]
    for (before, after), (falling, rising) in zip(pairwise(spans), pairwise(ramps), strict=True):
        shared = before.stop - after.start
        if shared > 0:
            ramp = torch.sin(torch.pi / 2 * (torch.arange(shared) + 0.5) / shared) ** 2
            rising[:shared] *= ramp
            falling[-shared:] *= ramp.flip(0)
    total = torch.zeros(spans[-1].stop)
    for span, ramp in zip(spans, ramps, strict=True):
        total[span.start : span.stop] += ramp
    return tuple(
        ramp / total[span.start : span.stop] for span, ramp in zip(spans, ramps, strict=True)
    )


def blend_windows(
    predict: Callable[[range], Tensor], spans: tuple[range, ...], weights: tuple[Tensor, ...]
) -> Tensor:
    """What is predicted for a whole clip (B, C, F, h, w) from (B, C, length, h, w) a window."""
    if len(spans) == 1:
        return predict(spans[0])
    whole: Tensor | None = None
    for span, weight in zip(spans, weights, strict=True):
        part = predict(span)
        if whole is None:
            whole = part.new_zeros(*part.shape[:2], spans[-1].stop, *part.shape[3:])
        whole[:, :, span.start : span.stop] += weight.to(part)[:, None, None] * part
    assert whole is not None
    return whole
