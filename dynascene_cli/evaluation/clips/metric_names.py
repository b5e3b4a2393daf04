"""What can be measured of clips, and how its numbers are told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Numbers that are measured together by one name of ``--metrics``.

    ``weights``: the registered networks that are needed, in "standard" and in "paper";
    ``needs_mattes`` of the truth.
    """

    name: str
    weights: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    needs_mattes: bool = False
    shortest: int = 1
    by_default: bool = True


def _same(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (name,), (name,)


FAMILIES = (
    Family("l1"),
    Family("psnr"),
    Family("ssim"),
    Family("lpips", (("alexnet-imagenet", "lpips-alex"), ("vgg16-imagenet", "lpips-vgg"))),
    Family("fid", _same("inception-fid")),
    Family("fvd-i3d", _same("i3d-kinetics400"), shortest=10),
    Family("fvd-3dres", _same("resnet3d50-kinetics"), shortest=16),
    Family("warping", shortest=2),
    Family("background", needs_mattes=True),
    Family("foreground", needs_mattes=True),
    Family("camera", shortest=2, by_default=False),
    Family("matting", by_default=False),
)


@dataclass(frozen=True)
class Number:
    """How a number is shown: its title, a format, and whether more is better."""

    title: str
    format: str
    more_is_better: bool = False

    def format_value(self, value: float | None) -> str:
        """The number as text; a dash where there is none."""
        return "–" if value is None else format(value, self.format)

    @property
    def heading(self) -> str:
        """The title with an arrow to what is better."""
        return f"{self.title} {'↑' if self.more_is_better else '↓'}"


NUMBERS = {
    "l1": Number("L1", ".2e"),
    "psnr": Number("PSNR", ".2f", True),
    "ssim": Number("SSIM", ".3f", True),
    "lpips": Number("LPIPS", ".3f"),
    "fid": Number("FID", ".2f"),
    "fvd_i3d": Number("FVD I3D", ".2f"),
    "fvd_3dres": Number("FVD 3DRes", ".2f"),
    "warping_error": Number("warping error", ".2e"),
    "warping_error_truth": Number("truth's own warping error", ".2e"),
    "background_l1": Number("background L1", ".2e"),
    "background_psnr": Number("background PSNR", ".2f", True),
    "background_ssim": Number("background SSIM", ".3f", True),
    "foreground_mae": Number("person MAE", ".2f"),
    "foreground_psnr": Number("person PSNR", ".2f", True),
    "rot_err": Number("RotErr", ".3f"),
    "trans_err": Number("TransErr", ".3f"),
    "cam_mc": Number("CamMC", ".3f"),
    "rot_err_per_frame": Number("RotErr a frame", ".4f"),
    "trans_err_per_frame": Number("TransErr a frame", ".4f"),
    "cam_mc_per_frame": Number("CamMC a frame", ".4f"),
    "camera_failed": Number("camera lost", ".0%"),
    "mad": Number("MAD", ".3f"),
    "mse": Number("MSE", ".3f"),
    "sad": Number("SAD", ".3f"),
    "grad": Number("Grad", ".3f"),
    "conn": Number("Conn", ".3f"),
    "dtssd": Number("dtSSD", ".3f"),
}
"""Every number by its key in the JSON, in the order of columns."""
