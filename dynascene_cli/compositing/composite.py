"""One frame of the finished picture: the person over the plate, and its layers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.compositing.blend import (
    LightChange,
    darken,
    lay_over,
    lay_over_deep,
    wrap_light,
)
from dynascene_cli.compositing.cast_shadow import CastShadow, cast_shadow
from dynascene_cli.compositing.foreground import estimate_foreground
from dynascene_cli.compositing.grain import Grain
from dynascene_cli.compositing.green_cast import take_out_green
from dynascene_cli.compositing.linear_light import (
    DECODE,
    apply_gain,
    expose,
    lift,
)
from dynascene_cli.compositing.look import Look
from dynascene_cli.compositing.roi import (
    NOWHERE,
    AnyArray,
    Box,
    around,
    opaque_box,
    reduce_by_blocks,
)
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
from dynascene_cli.video.deep_pictures import STEP, eight_bits, sixteen_bits
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

    ``picture`` is a full frame; the layers are full frames too, built when they are asked for. Of a
    frame that was ``deepened`` they have 16 bits, else 8. ``shade`` gives the box and the shadow of
    the person's alpha.
    """

    picture: Image
    person_box: Box
    person_colours: DeepImage
    person_alpha: DeepImage
    shadow_box: Box
    shadow_share: DeepImage
    shade: Callable[[AnyArray], tuple[Box, AnyArray]]
    treated_plate: Callable[[], DeepImage]

    @cached_property
    def background(self) -> DeepImage:
        """The plate (H, W, 3) after relighting, blur and grain."""
        return self.treated_plate()

    @property
    def foreground(self) -> DeepImage:
        """The person, relit and with the light wrap, straight RGBA (H, W, 4)."""
        layer = self._clear_layer(4)
        inner = self.person_box.crop(layer)
        inner[..., :3] = self.person_colours
        inner[..., 3] = self.person_alpha
        return layer

    @property
    def deep_picture(self) -> DeepImage:
        """The picture, of 16 bits where the frame was ``deepened``."""
        if self.person_colours.dtype == np.uint8:
            return self.picture
        picture = sixteen_bits(self.background).copy()
        whole = around((self.person_box, self.shadow_box))
        if not whole.empty:
            inner = whole.crop(picture)
            shadow, foreground = whole.crop(self.shadow), whole.crop(self.foreground)
            lay_over_deep(shadow, inner)
            lay_over_deep(foreground, inner)
        return picture

    @property
    def matte(self) -> DeepImage:
        """The person's alpha (H, W) in the output frame."""
        layer = self._clear_layer(1)[..., 0]
        self.person_box.crop(layer)[:] = self.person_alpha
        return layer

    @property
    def shadow(self) -> DeepImage:
        """The shadow as black, straight RGBA (H, W, 4): alpha is the share of light taken."""
        layer = self._clear_layer(4)
        self.shadow_box.crop(layer)[..., 3] = self.shadow_share
        return layer

    def _clear_layer(self, channels: int) -> DeepImage:
        return np.zeros((*self.picture.shape[:2], channels), self.person_colours.dtype)


class Compositor:
    """Frames of one shot, each from its own inputs alone: any may be made again, in any order."""

    def __init__(self, look: Look, settings: CompositeSettings, width: int, height: int) -> None:
        """``width`` × ``height`` is the output frame, which plates have."""
        self.width, self.height = width, height
        self._contrast = look.contrast
        self._shadow, self._wrap = settings.shadow, settings.light_wrap
        gains = np.asarray(look.plate_gains)
        self._plate_change = None
        if settings.relight == "scene" and np.any(gains != 1):
            self._plate_change = LightChange(partial(apply_gain, gain=gains))
        self._relit = _relighting(look, settings.relight)
        self._person_change = None if self._relit is None else LightChange(self._relit)
        self._whites = look.white_curve(settings.relight)
        self._blur = look.plate_blur if settings.plate_blur else 0.0
        with_grain = settings.grain and look.grain > 0
        self._grain = Grain(look.grain, width, height, settings.seed) if with_grain else None
        self._treated: dict[int, tuple[DeepImage, DeepImage | None]] = {}
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
        picture = eight_bits(self.background(index, plate))
        box, colours, coverage = self._person(clip_frame, alpha, clip_to_frame)
        shade = partial(self._shade, box, contact_pixels, person_height_pixels, cast)
        ground_box, taken = shade(coverage)
        if not ground_box.empty:
            darken(taken, ground_box.crop(picture))
        if not box.empty:
            if self._person_change is not None:
                colours = self._person_change.apply(colours)
            if self._whites is not None:
                colours = self._whites.soften_display(colours)
            if self._wrap:
                colours = self._wrapped(colours, coverage, box.crop(picture))
            lay_over(colours, coverage, box.crop(picture))
        background = partial(self.background, index, plate)
        return Composite(picture, box, colours, coverage, ground_box, taken, shade, background)

    def deepened(
        self,
        made: Composite,
        index: int,
        clip_frame: NDArray[np.uint16],
        alpha: Gray,
        plate: DeepImage,
        clip_to_frame: Floats,
    ) -> Composite:
        """Frame ``index``, which was made, of a clip's frame and a plate of 16 bits.

        Where the person's 8 bits are more than a level away, since light wraps there or something
        was painted over, they are taken.
        """
        background = partial(self.background, index, sixteen_bits(plate))
        box, colours, coverage = self._person(clip_frame / np.float32(STEP), alpha, clip_to_frame)
        if box.empty:
            return replace(
                made,
                person_colours=sixteen_bits(made.person_colours),
                person_alpha=sixteen_bits(made.person_alpha),
                shadow_share=sixteen_bits(made.shadow_share),
                treated_plate=background,
            )
        _, taken = made.shade(coverage)
        if self._relit is not None or self._whites is not None:
            light = linear_light(colours / 255)
            light = light if self._relit is None else self._relit(light)
            light = light if self._whites is None else self._whites.soften(light)
            colours = 255 * display_light(light)
        near = np.abs(colours - made.person_colours).max(axis=2, keepdims=True) <= 1
        return replace(
            made,
            person_colours=np.where(near, _deep_levels(colours), sixteen_bits(made.person_colours)),
            person_alpha=_deep_levels(coverage),
            shadow_share=_deep_levels(taken),
            treated_plate=background,
        )

    def background(self, index: int, plate: DeepImage) -> DeepImage:
        """The plate of frame ``index`` after blur, relighting and grain, a picture of its own."""
        # A layer is built where it is written, which may be on another thread than the next frame.
        with self._treating:
            # A camera that stands still gives the same array every frame: it is treated once.
            last, treated = self._treated.get(plate.itemsize, (None, None))
            if plate is last:
                treated = self._treat_plate(plate) if treated is None else treated
                picture = treated.copy()
            else:
                treated, picture = None, self._treat_plate(plate)
            self._treated[plate.itemsize] = plate, treated
        if self._grain is not None:
            self._grain.add(picture, index)
        return picture

    def _treat_plate(self, plate: DeepImage) -> DeepImage:
        """A new picture: the plate after blur and relighting."""
        image: AnyArray = plate
        if self._blur > 0:
            side = 2 * int(np.ceil(2.5 * self._blur)) + 1
            image = cv2.GaussianBlur(image, (side, side), self._blur)
        if self._plate_change is not None:
            return self._plate_change.apply(image)
        return image.copy() if image is plate else image

    def _shade(
        self,
        box: Box,
        contact_pixels: Floats,
        person_height: float,
        cast: CastShadow | None,
        coverage: AnyArray,
    ) -> tuple[Box, AnyArray]:
        """The box that the person's shadow reaches, and the light (255 = all) that it takes."""
        none = NOWHERE, np.zeros((0, 0), coverage.dtype)
        known = np.all(np.isfinite(contact_pixels)) and person_height > 0
        if not self._shadow or not known or box.empty:
            return none
        size = self.width, self.height
        reach = shadow_box(contact_pixels, person_height, *size)
        touching = none
        if not reach.empty:
            touching = (
                reach,
                contact_shadow(coverage, box, contact_pixels, person_height, self._contrast, reach),
            )
        if cast is None:
            return touching
        return _combine_shadows(
            touching, cast_shadow(coverage, box, contact_pixels, person_height, cast, size)
        )

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
    ) -> tuple[Box, AnyArray, AnyArray]:
        """The box of the output frame that the person is in, their own colours and alpha there.

        Both are uint8, or float32 of the same range where the clip's frame is.
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
            whole = np.round(coverage * within) if coverage.dtype == np.uint8 else coverage * within
            coverage = whole.astype(coverage.dtype)
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


def _deep_levels(levels: AnyArray) -> NDArray[np.uint16]:
    """Levels 0..255 with a fraction in 16 bits."""
    return np.round(np.clip(levels, 0, 255) * np.float32(STEP)).astype(np.uint16)


def _combine_shadows(
    one: tuple[Box, AnyArray], other: tuple[Box, AnyArray]
) -> tuple[Box, AnyArray]:
    """The shares of light (255 = all) that two shadows take together, over both boxes."""
    whole = around((one[0], other[0]))
    width, height = whole.size
    left = np.ones((height, width), np.float32)
    for box, taken in (one, other):
        if not box.empty:
            x, y = box.x0 - whole.x0, box.y0 - whole.y0
            left[y : y + taken.shape[0], x : x + taken.shape[1]] *= 1 - taken / np.float32(255)
    share, kind = 255 * (1 - left), one[1].dtype
    return whole, (np.round(share) if kind == np.uint8 else share).astype(kind)


def _mean_nearby(image: AnyArray, reach: float) -> AnyArray:
    return cv2.GaussianBlur(image, (0, 0), reach, borderType=cv2.BORDER_REPLICATE)
