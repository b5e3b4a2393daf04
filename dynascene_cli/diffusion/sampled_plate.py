"""What renderers that sample share: frames between samples, a kept state, what it takes."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dynascene_cli.diffusion.device import choose_device
from dynascene_cli.diffusion.frame_interpolation import interpolate_frame
from dynascene_cli.diffusion.image_processor import resize_image
from dynascene_cli.diffusion.optimisations import check_optimisations_on
from dynascene_cli.diffusion.out_of_memory import Burden, out_of_memory_as_error
from dynascene_cli.diffusion.person_input import move_coverage
from dynascene_cli.diffusion.preview import Previewer
from dynascene_cli.diffusion.sampling_settings import STATE_FILE
from dynascene_cli.diffusion.sampling_state import SamplingState, load_state, save_state
from dynascene_cli.errors import InputError
from dynascene_cli.shot import Image, Shot
from dynascene_cli.storage.atomic import disk_full_as_error
from dynascene_cli.video import write_image

SAVED_EVERY = 5
"""Steps between two states on disk."""

PREVIEW_FILE = "preview.png"
"""Where a renderer shows, in its folder, what sampling is heading for."""

DECODED_KEPT = 3


class Frames(Protocol):
    """Pictures of a shot's frames, such as the projection renderer's."""

    def frame(self, index: int) -> Image:
        """The picture of one frame, RGB (H, W, 3)."""
        ...


@dataclass(frozen=True)
class Reporter:
    """Where a renderer tells how it gets on.

    ``progress`` is called with the steps done and their number; ``say`` with a line for people;
    ``warn`` with one that should not be missed.
    """

    progress: Callable[[int, int], None] = lambda done, total: None
    say: Callable[[str], None] = lambda message: None
    warn: Callable[[str], None] = lambda message: None


@dataclass(frozen=True)
class Work:
    """Where a renderer works: its state and previews lie in ``folder``.

    ``device`` is torch's name of one; None takes the GPU where there is one. After every
    ``preview_every`` steps (0: never) a contact sheet shows what sampling is heading for.
    """

    folder: Path
    reporter: Reporter = Reporter()
    preview_every: int = 0
    device: str | None = None


class SampledPlate(ABC):
    """Plate frames of a shot, any of them at any time; those of ``indices`` are sampled.

    The others are their neighbours, moved along the known camera. ``made_by`` is all that the
    state in the folder depends on, ``steps`` how many lead to the latents.

    Raises:
        InputError: the shot's parts do not fit each other, or an optimisation the device.
        MissingError: the device is not on this machine.
    """

    def __init__(
        self,
        shot: Shot,
        work: Work,
        indices: NDArray[np.intp],
        made_by: Mapping[str, Any],
        burden: Burden,
        steps: int,
    ) -> None:
        self._device = choose_device(work.device)
        check_optimisations_on(self._device.type, burden.optimisations, burden.halves_on_cpu)
        check_shot(shot)
        self.path = shot.path
        self._shot, self._work, self._report = shot, work, work.reporter
        self._indices, self._made_by, self.burden = indices, made_by, burden
        self._steps = steps
        self._latents: Tensor | None = None
        self._decoded: OrderedDict[int, Image] = OrderedDict()

    @property
    def frame_count(self) -> int:
        """How many frames the path has."""
        return self.path.frame_count

    def frame(self, index: int) -> Image:
        """The plate of one frame, RGB (H, W, 3); the same bytes whenever it is asked for."""
        with out_of_memory_as_error(self.burden):
            return self._finish(index, self._paint(index))

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Yield frames first ≤ i < last in order; the clip is sampled before the first of them."""
        for index in range(first, self.frame_count if last is None else last):
            yield self.frame(index)

    @abstractmethod
    def _picture(self, number: int) -> Image:
        """One of the sampled frames, at the size that is sampled."""

    @abstractmethod
    def _sample(self, state: SamplingState | None) -> Tensor:
        """The latents of all that is sampled, from their start or from a kept state."""

    def _whole_latents(self) -> Tensor:
        """The latents, sampled where they are not kept."""
        if self._latents is None:
            state = self._load_state()
            done = state is not None and state.step == self._steps
            self._latents = state.latents if state is not None and done else self._sample(state)
        return self._latents

    def _finish(self, index: int, painted: Image) -> Image:
        """A frame as it is given away, from what the network painted of it."""
        return painted

    def _paint(self, index: int) -> Image:
        after = int(np.searchsorted(self._indices, index))
        last = int(self._indices[after])
        if last == index:
            return self._decode_frame(after)
        return interpolate_frame(
            self._decode_frame(after - 1),
            self._decode_frame(after),
            self.path,
            (int(self._indices[after - 1]), index, last),
            self._shot.scene.median_depth,
        )

    def _decode_frame(self, number: int) -> Image:
        """One of the sampled frames, at the plate's size."""
        if number not in self._decoded:
            picture = self._picture(number)
            self._decoded[number] = resize_image(picture, self.path.width, self.path.height)
            while len(self._decoded) > DECODED_KEPT:
                self._decoded.popitem(last=False)
        return self._decoded[number]

    def _coverage(self, index: int) -> NDArray[np.float32]:
        """How much the person covers of each pixel of a frame of the plate, (H, W) in 0..1."""
        alpha = next(iter(self._shot.matte.alpha.frames(index, index + 1)))
        to_frame = self._shot.placement.clip_to_frame[index]
        return move_coverage(alpha, to_frame, (self.path.width, self.path.height))

    def _load_state(self) -> SamplingState | None:
        """Where a run that was ended stopped; a damaged state is told of, and made again."""
        try:
            return load_state(self._made_by, self._work.folder / STATE_FILE)
        except InputError as damage:
            self._report.warn(f"{damage.message}: it is made again")
            return None

    def _keep_step(self, state: SamplingState, saved_every: int = SAVED_EVERY) -> None:
        """Keep the state of some steps and of the last, and tell of each."""
        if state.step % saved_every == 0 or state.step == self._steps:
            save_state(state, self._made_by, self._work.folder / STATE_FILE)
        self._report.progress(state.step, self._steps)

    def _previews(self, previewer: Callable[[], Previewer]) -> Callable[[int, Tensor], None]:
        """What shows the latents that a step expects, every so often."""
        every, file = self._work.preview_every, self._work.folder / PREVIEW_FILE
        if not every:
            return lambda step, latents: None
        shown = previewer()
        self._report.say(f"preview after every {every} steps: {file}")

        def show(step: int, latents: Tensor) -> None:
            if step % every == 0:
                write_image(file, shown.sheet(latents))

        return show

    def _say_which(self) -> None:
        """Tell where not every frame is sampled."""
        count = len(self._indices)
        if count < self.frame_count:
            self._report.say(
                f"{count} of {self.frame_count} frames are sampled; those between follow the camera"
            )

    def _tell(self, steps: int, seconds: Callable[[], float]) -> None:
        """Tell what so many steps sample, and without a GPU how long they take."""
        width, height = self.burden.size
        what = f"{len(self._indices)} frames of {width}x{height} in {steps} steps"
        if self._device.type == "cpu":
            self._report.warn(
                f"without a GPU, sampling {what} takes about {duration_text(seconds())}: "
                "--renderer projection needs none"
            )
        else:
            self._report.say(f"sampling {what}")


class StreamedPlate(SampledPlate):
    """A sampled plate whose pictures come one after the other, and are looked at anywhere.

    They lie in a file without a name that ends with the process.
    """

    _file: IO[bytes] | None = None

    @abstractmethod
    def _pictures(self) -> Iterator[Image]:
        """The sampled frames in order, at the size that is sampled; more are left out."""

    def _picture(self, number: int) -> Image:
        if self._file is None:
            with disk_full_as_error(self._work.folder):
                file = TemporaryFile(dir=self._work.folder)  # noqa: SIM115
                for picture in islice(self._pictures(), len(self._indices)):
                    file.write(picture.tobytes())
            self._file = file
        width, height = self.burden.size
        self._file.seek(number * 3 * width * height)
        levels = np.frombuffer(self._file.read(3 * width * height), np.uint8)
        return levels.reshape(height, width, 3)


def check_shot(shot: Shot) -> None:
    """Make sure that a shot has one of each part a frame.

    Raises:
        InputError: it has not.
    """
    counts = {
        "clip": shot.clip.frame_count,
        "matte": shot.matte.alpha.frame_count,
        "camera": shot.path.frame_count,
        "placement": len(shot.placement.clip_to_frame),
    }
    if len(set(counts.values())) != 1:
        told = ", ".join(f"the {name} {count}" for name, count in counts.items())
        raise InputError(f"a shot's parts differ in frames: {told}", "give one of each a frame")


def duration_text(seconds: float) -> str:
    """About how long that is, in the largest unit of which it is two."""
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 1):.0f} seconds"
