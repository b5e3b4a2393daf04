"""A matte's chunks: alphas, landmarks, and the state that the matting model goes on from."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.matting import (
    CLICKS,
    MAX_PROPS,
    PROMPTED,
    LetteringLine,
    MatteCompletion,
    MatteFrame,
    MattingModel,
    MattingState,
    alpha_base,
    alpha_box,
    choose_matting_model,
    choose_prompted,
    clear_backlit_hair,
    cover_lettering,
    drop_uniform_ground,
    edges_touched,
    find_lettering,
    following_state,
    foreign_share,
    is_against_light,
    lines_to_array,
    make_matting_model,
    matte_of_given_alpha,
    select_person,
    trim_lettering,
)
from dynascene_cli.pipeline.request import MatteRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.shot import Clip, Image
from dynascene_cli.storage.array_files import open_arrays
from dynascene_cli.storage.project import Project
from dynascene_cli.video import (
    CHUNK_LENGTH,
    GREY_SUFFIX,
    alpha_frames,
    chunk_path,
    chunk_sink,
    prefetch,
    read_frames,
    read_frames_at,
)

NOTED = ("filled", "found", "faded", "came", "foreign")
"""What is noted of every frame, to tell of the matte whenever it is read."""
FOREIGN_EVERY, LETTERING_EVERY = 8, 16
"""Frames after which it is looked whether the place's colours or light, or lettering, are in the
matte."""
DOUBTED_FOREIGN = 0.002
"""Share of the place's colours from which patches of ground are looked for in every frame."""


def matting_model_of(request: MatteRequest) -> tuple[str, str]:
    """The name of the matting model that a request means, and why it is taken.

    Raises:
        InputError: there is no such model, or it does not take clicks.
        MissingError: none that takes clicks is on this machine.
    """
    if request.clicks and request.matting_model == "auto":
        name = choose_prompted()
        return name, f"{name}: it follows what is clicked"
    if request.clicks and request.matting_model not in PROMPTED:
        raise InputError(
            f"{request.matting_model} takes no --click", "use --matting-model sam2 or sam3"
        )
    if request.matting_model == "auto" and request.person is not None:
        return "bundled", "bundled: the one that keeps a chosen person alone"
    return choose_matting_model(request.matting_model)


def make_model(request: MatteRequest) -> MattingModel:
    """The matting model of a request, ready to run."""
    return make_matting_model(
        matting_model_of(request)[0], request.matting_quality, request.props == "auto"
    )


def clicks_of(request: MatteRequest, clip: Clip) -> Floats:
    """The request's clicks as CLICKS (N, 4) of a state.

    Raises:
        InputError: one lies after the clip's end.
    """
    table = np.zeros((len(request.clicks), 4))
    for row, click in zip(table, request.clicks, strict=True):
        frame = int(click.time * float(clip.frame_rate) + 0.5)
        if frame >= clip.frame_count:
            raise InputError(
                f"--click at {click.time:g} s is after the end of {clip.path}",
                f"it lasts {float(clip.frame_count / clip.frame_rate):.2f} s",
            )
        row[:] = frame, click.x, click.y, 1 if click.adds else -1
    return table


def landmark_path(folder: Path, first: int) -> Path:
    """Where a chunk's landmarks, and the state after it, are kept."""
    return folder / f"landmarks_{first // CHUNK_LENGTH:05d}.npz"


def _alpha_path(folder: Path, first: int) -> Path:
    return chunk_path(folder, first // CHUNK_LENGTH, GREY_SUFFIX)


def is_chunk_whole(project: Project, folder: Path, first: int) -> bool:
    """Whether all of the chunk that begins with frame ``first`` is there."""
    paths = _alpha_path(folder, first), landmark_path(folder, first)
    return all(project.holds(path) for path in paths)


def make_chunk(
    run: Run,
    folder: Path,
    request: MatteRequest,
    clip: Clip,
    first: int,
    advance: Callable[[int], None],
) -> None:
    """One chunk of alphas, and beside it the landmarks and the state that the next starts from.

    The first chunk also keeps what was warned about who was chosen, to be told whenever it is read.
    ``advance`` hears how many of the clip's frames are done.
    """
    last = min(first + CHUNK_LENGTH, clip.frame_count)
    state, warnings = _state_before(folder, request, clip, first)
    run.console.warn(*warnings)
    known: list[dict[str, Any]] = []
    with (
        run.project.publish(_alpha_path(folder, first)) as temporary,
        chunk_sink(temporary, clip.frame_rate) as sink,
    ):
        mattes = _Mattes(request, clip, first, last, state)
        with prefetch(mattes, clip.width * clip.height) as frames:
            for frame in frames:
                sink.write(frame.alpha)
                known.append(_known_of(frame))
                advance(first + len(known))
    arrays: dict[str, Any] = {
        **{name: np.stack([each[name] for each in known]) for name in known[0]},
        "warnings": np.array(warnings, dtype=str),
        **{f"state/{name}": array for name, array in mattes.state.items()},
    }
    with run.project.publish(landmark_path(folder, first)) as temporary:
        np.savez(temporary, **arrays)


def _known_of(frame: MatteFrame) -> dict[str, Any]:
    """What is kept of a frame beside its alpha."""
    return {
        "landmarks": frame.landmarks,
        "visibility": frame.visibility,
        "boxes": alpha_box(frame.alpha),
        "bases": alpha_base(frame.alpha),
        "detections": frame.detection,
        "touched": edges_touched(frame.alpha),
        "props": _pad_boxes(frame.props),
        "held": _pad_classes(frame.held),
        "lettering": lines_to_array(frame.lettering),
        "area": cv2.countNonZero(frame.alpha & 128) / frame.alpha.size,
        **{name: np.asarray(getattr(frame, name)) for name in NOTED},
    }


def _pad_classes(held: NDArray[np.int_]) -> NDArray[np.int_]:
    """Classes (MAX_PROPS,) of things, −1 where there are fewer."""
    return np.concatenate([held, np.full(MAX_PROPS - len(held), -1)])


def _pad_boxes(props: Floats) -> Floats:
    """Boxes (MAX_PROPS, 4) of things, NaN where there are fewer."""
    padded = np.full((MAX_PROPS, 4), np.nan)
    padded[: len(props)] = props
    return padded


class _Mattes:
    """The mattes of a clip's frames from ``first`` to ``last``; ``state`` is what is remembered.

    They are made by the model and completed by the frames around them, or the alpha that is given.
    """

    def __init__(
        self, request: MatteRequest, clip: Clip, first: int, last: int, state: MattingState
    ) -> None:
        self._request, self._clip = request, clip
        self._first, self._last = first, last
        self.state = state

    def __iter__(self) -> Iterator[MatteFrame]:
        decoded = read_frames(self._clip, self._first, self._last)
        with prefetch(decoded, self._clip.width * self._clip.height) as frames:
            if self._request.matte is None:
                yield from MatteCompletion(beginning=self._first == 0).complete(self._made(frames))
                return
            given = alpha_frames(self._request.matte, self._clip)
            alphas = given.frames(self._first, self._last)
            for frame, alpha in zip(frames, alphas, strict=True):
                made, self.state = matte_of_given_alpha(frame, alpha, self.state)
                yield made

    def _made(self, frames: Iterator[Image]) -> Iterator[tuple[Image, MatteFrame]]:
        model = make_model(self._request)
        lines: tuple[LetteringLine, ...] = ()
        doubted = backlit = False
        for number, frame in enumerate(frames):
            made, self.state = model.step(frame, self.state)
            if number % LETTERING_EVERY == 0:
                lines = find_lettering(frame, made.alpha)
            alpha = trim_lettering(frame, made.alpha, lines)
            looked = number % FOREIGN_EVERY == 0
            seen = cover_lettering(frame, alpha, lines) if looked or doubted else frame
            foreign = foreign_share(seen, alpha) if looked else np.nan
            doubted = foreign > DOUBTED_FOREIGN if looked else doubted
            if doubted:
                alpha = drop_uniform_ground(seen, alpha)
                foreign = foreign_share(seen, alpha) if looked else np.nan
            backlit = is_against_light(frame, alpha) if looked else backlit
            if backlit:
                alpha = clear_backlit_hair(frame, alpha)
            yield frame, replace(made, alpha=alpha, foreign=foreign, lettering=lines)


def _state_before(
    folder: Path, request: MatteRequest, clip: Clip, first: int
) -> tuple[MattingState, tuple[str, ...]]:
    """The state that a chunk starts from, and what there is to warn about before the first."""
    if first > 0:
        with open_arrays(landmark_path(folder, first - CHUNK_LENGTH)) as before:
            names = [name for name in before.files if name.startswith("state/")]
            return {name.removeprefix("state/"): before[name] for name in names}, ()
    if request.matte is not None:
        return following_state(np.full(4, np.nan)), ()
    selection = select_person(clip, partial(read_frames_at, clip), request.person)
    state = make_model(request).initial_state(selection.box)
    if request.clicks:
        state[CLICKS] = clicks_of(request, clip)
    return state, selection.warnings
