"""One frame of the finished picture: the person over the plate, and its layers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, reduce
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.compositing.blend import darken, lay_over, look_up, wrap_light
from dynascene_cli.compositing.cast_shadow import CastShadow, cast_shadow
from dynascene_cli.compositing.foreground import estimate_foreground
from dynascene_cli.compositing.grain import Grain
from dynascene_cli.compositing.green_cast import take_out_green
from dynascene_cli.compositing.linear_light import (
    DECODE,
    apply_gain,
    expose,
    lift,
    light_table,
)
from dynascene_cli.compositing.look import Look
from dynascene_cli.compositing.roi import NOWHERE, AnyArray, Box, opaque_box, reduce_by_blocks
from dynascene_cli.compositing.shadow import contact_shadow, shadow_box
from dynascene_cli.compositing.warp import (
    inside,
    is_identity,
    landing_box,
    touches_edge,
    warp_person,
)
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.shot import DeepImage, Image, Relight
from dynascene_cli.video import DecodedFrame
from dynascene_cli.video.srgb_curve import display_light, linear_light

Gray = NDArray[np.uint8]

FAINTEST_ALPHA = 3
"""Alpha up to this, of 255, does not widen the person's box: mattes leave such specks far away."""

SURROUNDINGS = 24 / 1080
"""How much background around the person their colours are told apart from, in frame heights."""

WRAP_AMOUNT = 0.08
WRAP_REACH = 5 / 1080
"""The share of the plate's light that wraps, and how far it does, in frame heights."""


@dataclass(frozen=True)
class CompositeSettings:
    """What is done to bring person and plate together; each effect can be turned off alone.

    ``relight``: ``scene`` moves the plate's exposure and white balance towards the person's,
    ``person`` the person's towards the plate's; both take a green cast out of the person, and
    soften whites of theirs that are brighter than the plate's. ``seed`` is the grain's.
    """

    relight: Relight = "scene"
    shadow: bool = True
    light_wrap: bool = True
    plate_blur: bool = True
    grain: bool = True
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Composite:
    """A frame and what it is made of: in linear light, foreground over shadow over background.

    ``picture`` is a full frame; the layers are full frames too, built when they are asked for.
    ``deep_colours`` are the person's, of 16 bits, of a frame that was ``deepened``.
    """

    picture: Image
    person_box: Box
    person_colours: Image
    person_alpha: Gray
    shadow_box: Box
    shadow_share: Gray
    treated_plate: Callable[[], Image]
    deep_colours: NDArray[np.uint16] | None = None

    @property
    def background(self) -> Image:
        """The plate (H, W, 3) after relighting, blur and grain."""
        return self.treated_plate()

    @property
    def foreground(self) -> DeepImage:
        """The person, relit and with the light wrap, straight RGBA (H, W, 4).

        Of 16 bits where the frame was ``deepened``.
        """
        colours: DeepImage = self.person_colours
        alpha: DeepImage = self.person_alpha
        if self.deep_colours is not None:
            colours, alpha = self.deep_colours, _sixteen_bits(self.person_alpha)
        layer = np.zeros((*self.picture.shape[:2], 4), colours.dtype)
        inner = self.person_box.crop(layer)
        inner[..., :3] = colours
        inner[..., 3] = alpha
        return layer

    @property
    def deep_picture(self) -> DeepImage:
        """The picture, of 16 bits where the frame was ``deepened``, with them where it is solid."""
        if self.deep_colours is None:
            return self.picture
        picture = _sixteen_bits(self.picture)
        solid = (self.person_alpha == 255)[..., None]
        np.copyto(self.person_box.crop(picture), self.deep_colours, where=solid)
        return picture

    @property
    def matte(self) -> Gray:
        """The person's alpha (H, W) in the output frame."""
        layer = np.zeros(self.picture.shape[:2], np.uint8)
        self.person_box.crop(layer)[:] = self.person_alpha
        return layer

    @property
    def shadow(self) -> NDArray[np.uint8]:
        """The shadow as black, straight RGBA (H, W, 4): alpha is the share of light taken."""
        layer = np.zeros((*self.picture.shape[:2], 4), np.uint8)
        self.shadow_box.crop(layer)[..., 3] = self.shadow_share
        return layer


class Compositor:
    """Frames of one shot, each from its own inputs alone: any may be made again, in any order."""

    def __init__(self, look: Look, settings: CompositeSettings, width: int, height: int) -> None:
        """``width`` × ``height`` is the output frame, which plates have."""
        self.width, self.height = width, height
        self._contrast = look.contrast
        self._shadow, self._wrap = settings.shadow, settings.light_wrap
        gains = np.asarray(look.plate_gains)
        self._plate_table = None
        if settings.relight == "scene" and np.any(gains != 1):
            self._plate_table = light_table(partial(apply_gain, gain=gains))
        self._relit = _relighting(look, settings.relight)
        self._person_table = None if self._relit is None else light_table(self._relit)
        self._whites = look.white_curve(settings.relight)
        self._blur = look.plate_blur if settings.plate_blur else 0.0
        with_grain = settings.grain and look.grain > 0
        self._grain = Grain(look.grain, width, height, settings.seed) if with_grain else None
        self._last_plate: Image | None = None
        self._treated: Image | None = None
        self._treating = Lock()

    def frame(
        self,
        index: int,
        clip_frame: Image | DecodedFrame,
        alpha: Gray,
        plate: Image,
        clip_to_frame: Floats,
        contact_pixels: Floats,
        person_height_pixels: float,
        cast: CastShadow | None = None,
    ) -> Composite:
        """Frame ``index`` of the shot.

        ``clip_frame`` (H, W, 3) and ``alpha`` (H, W) are the clip's; ``plate`` the output frame's
        background; ``clip_to_frame`` (2, 3) the similarity from the former to the latter;
        ``contact_pixels`` (2,) where the person meets the ground, and their height, both in
        output pixels (NaN: unknown, no shadow); ``cast`` is the sun's shadow, where it shines.

        Raises:
            InputError: the plate has not the compositor's size, or alpha not the clip frame's.
        """
        self._check(clip_frame, alpha, plate)
        picture = self.background(index, plate)
        box, colours, coverage = self._person(clip_frame, alpha, clip_to_frame)
        ground_box, taken = NOWHERE, np.zeros((0, 0), np.uint8)
        known = np.all(np.isfinite(contact_pixels)) and person_height_pixels > 0
        if self._shadow and known and not box.empty:
            reach = shadow_box(contact_pixels, person_height_pixels, self.width, self.height)
            if not reach.empty:
                ground_box = reach
                taken = contact_shadow(
                    coverage, box, contact_pixels, person_height_pixels, self._contrast, reach
                )
            if cast is not None:
                ground_box, taken = _combine_shadows(
                    (ground_box, taken),
                    cast_shadow(
                        coverage, box, contact_pixels, person_height_pixels, cast,
                        (self.width, self.height),
                    ),
                )  # fmt: skip
            if not ground_box.empty:
                darken(taken, ground_box.crop(picture))
        if not box.empty:
            if self._person_table is not None:
                colours = look_up(colours, self._person_table)
            if self._whites is not None:
                colours = self._whites.soften_display(colours)
            if self._wrap:
                colours = self._wrapped(colours, coverage, box.crop(picture))
            lay_over(colours, coverage, box.crop(picture))
        background = partial(self.background, index, plate)
        return Composite(picture, box, colours, coverage, ground_box, taken, background)

    def deepened(
        self,
        made: Composite,
        clip_frame: NDArray[np.uint16],
        alpha: Gray,
        clip_to_frame: Floats,
    ) -> Composite:
        """A frame that was made, its person of ``clip_frame``'s 16 bits.

        Where the 8 bits of the picture are more than a level away, since light wraps there or
        something was painted over, they are taken; so they are in the finished picture where the
        background shows through.
        """
        box, colours, _ = self._person(clip_frame / np.float32(257), alpha, clip_to_frame)
        if box.empty or box != made.person_box:
            return made
        if self._relit is not None or self._whites is not None:
            light = linear_light(colours / 255)
            light = light if self._relit is None else self._relit(light)
            light = light if self._whites is None else self._whites.soften(light)
            colours = 255 * display_light(light)
        near = np.abs(colours - made.person_colours).max(axis=2, keepdims=True) <= 1
        fine = np.round(np.clip(colours, 0, 255) * 257).astype(np.uint16)
        return replace(made, deep_colours=np.where(near, fine, _sixteen_bits(made.person_colours)))

    def background(self, index: int, plate: Image) -> Image:
        """The plate of frame ``index`` after blur, relighting and grain, a picture of its own."""
        # A layer is built where it is written, which may be on another thread than the next frame.
        with self._treating:
            # A camera that stands still gives the same array every frame: it is treated once.
            if plate is self._last_plate:
                self._treated = self._treat_plate(plate) if self._treated is None else self._treated
                picture = self._treated.copy()
            else:
                self._last_plate, self._treated = plate, None
                picture = self._treat_plate(plate)
        if self._grain is not None:
            self._grain.add(picture, index)
        return picture

    def _treat_plate(self, plate: Image) -> Image:
        """A new picture: the plate after blur and relighting."""
        image: AnyArray = plate
        if self._blur > 0:
            side = 2 * int(np.ceil(2.5 * self._blur)) + 1
            image = cv2.GaussianBlur(image, (side, side), self._blur)
        if self._plate_table is not None:
            return look_up(np.asarray(image, np.uint8), self._plate_table)
        return image.copy() if image is plate else image

    def _check(self, clip_frame: Image | DecodedFrame, alpha: Gray, plate: Image) -> None:
        if plate.shape != (self.height, self.width, 3):
            raise InputError(
                f"a plate is {plate.shape[1]}x{plate.shape[0]}, the output is "
                f"{self.width}x{self.height}",
                "render the plate at the output's size",
            )
        if alpha.shape != clip_frame.shape[:2]:
            raise InputError(
                f"a matte is {alpha.shape[1]}x{alpha.shape[0]}, its frame is "
                f"{clip_frame.shape[1]}x{clip_frame.shape[0]}",
                "give mattes of the clip's size",
            )

    def _person(
        self, clip_frame: AnyArray | DecodedFrame, alpha: Gray, clip_to_frame: Floats
    ) -> tuple[Box, AnyArray, Gray]:
        """The box of the output frame that the person is in, their own colours and alpha there.

        Colours are uint8, or float32 of the same range where the clip's frame is.
        """
        clip_height, clip_width = alpha.shape
        nobody = NOWHERE, np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.uint8)
        opaque = opaque_box(alpha, FAINTEST_ALPHA)
        if opaque.empty:
            return nobody
        source = opaque.grow(max(8, round(SURROUNDINGS * clip_height)), clip_width, clip_height)
        own_alpha = np.ascontiguousarray(source.crop(alpha))
        own = np.ascontiguousarray(clip_frame[source.y0 : source.y1, source.x0 : source.x1])
        own, own_alpha = estimate_foreground(own, own_alpha, clip_height)
        same_size = (clip_width, clip_height) == (self.width, self.height)
        if same_size and is_identity(clip_to_frame):
            return source, own, own_alpha
        target = landing_box(source, clip_to_frame, self.width, self.height)
        if target.empty:
            return nobody
        colours, coverage = warp_person(own, own_alpha, source, clip_to_frame, target)
        if touches_edge(source, clip_width, clip_height):
            within = inside(clip_to_frame, clip_width, clip_height, target)
            coverage = np.round(coverage * within).astype(np.uint8)
        return target, colours, coverage

    def _wrapped(self, colours: Image, coverage: Gray, behind: Image) -> Image:
        """The person's colours with the light of what is behind over their edge."""
        reach = WRAP_REACH * self.height
        reduction = max(1, round(reach / 1.3))
        near_alpha, near_light = (
            _mean_nearby(mean, reach / reduction)
            for mean in (
                reduce_by_blocks(coverage, reduction) * np.float32(1 / 255),
                DECODE[reduce_by_blocks(behind, reduction)],
            )
        )
        spilled = colours.copy()
        wrap_light(spilled, coverage, near_alpha, near_light, reduction, WRAP_AMOUNT)
        return spilled


def _relighting(look: Look, relight: Relight) -> Callable[[Floats], Floats] | None:
    """What brings the person's linear light towards the plate's; None where nothing is missing."""
    steps: list[Callable[[Floats], Floats]] = []
    if look.green_cast and relight != "off":
        steps.append(partial(take_out_green, cast=look.green_cast))
    if look.silhouette and relight == "person":
        steps.append(partial(lift, stops=look.person_lift))
    if relight == "person" and np.any(np.asarray(look.person_gains) != 1):
        steps.append(partial(expose, gain=look.person_gains))
    if not steps:
        return None
    return lambda light: reduce(lambda made, step: step(made), steps, light)


def _sixteen_bits(image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return image.astype(np.uint16) * np.uint16(257)


def _combine_shadows(one: tuple[Box, Gray], other: tuple[Box, Gray]) -> tuple[Box, Gray]:
    """The shares of light (255 = all) that two shadows take together, over both boxes."""
    boxes = [box for box, _ in (one, other) if not box.empty]
    if not boxes:
        return NOWHERE, np.zeros((0, 0), np.uint8)
    corners = np.array(boxes)
    whole = Box(*corners[:, :2].min(axis=0).tolist(), *corners[:, 2:].max(axis=0).tolist())
    width, height = whole.size
    left = np.ones((height, width), np.float32)
    for box, taken in (one, other):
        if not box.empty:
            x, y = box.x0 - whole.x0, box.y0 - whole.y0
            left[y : y + taken.shape[0], x : x + taken.shape[1]] *= 1 - taken / np.float32(255)
    return whole, np.round(255 * (1 - left)).astype(np.uint8)


def _mean_nearby(image: AnyArray, reach: float) -> AnyArray:
    return cv2.GaussianBlur(image, (0, 0), reach, borderType=cv2.BORDER_REPLICATE)
