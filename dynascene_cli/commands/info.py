"""``dynascene info``: what a clip is."""

from typing import TYPE_CHECKING, Any

from dynascene_cli.commands import options
from dynascene_cli.console import Console

if TYPE_CHECKING:
    from dynascene_cli.shot import Clip


def info(
    clip: options.ClipArgument,
    fps: options.FrameRate = None,
    fill_gaps: options.FillGaps = False,
    start: options.Start = None,
    end: options.End = None,
    as_json: options.AsJson = False,
) -> None:
    """Show clip info: size, frame rate, length, codec, colour, sound, and what is unusual."""
    from dynascene_cli.video import open_clip

    data = clip_facts(open_clip(clip, fps=fps, start=start, end=end, fill_gaps=fill_gaps))
    Console(as_json=as_json).result(data, clip_text(data))


def clip_facts(clip: "Clip") -> dict[str, Any]:
    """What there is to know of a clip, as plain values; rates as ``[numerator, denominator]``."""
    return {
        "path": str(clip.path),
        "kind": clip.kind,
        "width": clip.width,
        "height": clip.height,
        "frames": clip.frame_count,
        "first_number": clip.first_number,
        "fps": round(float(clip.frame_rate), 6),
        "fps_fraction": [clip.frame_rate.numerator, clip.frame_rate.denominator],
        "seconds": round(clip.duration, 6),
        "variable_rate": clip.variable_rate,
        "rotation": clip.rotation,
        "mirrored": clip.mirrored,
        "timecode": clip.timecode,
        "codec": clip.codec,
        "bit_depth": clip.bit_depth,
        "matrix": clip.colour.matrix,
        "full_range": clip.colour.full_range,
        "transfer": clip.colour.transfer,
        "alpha": clip.has_alpha,
        "audio": clip.has_audio,
        "warnings": list(clip.warnings),
    }


def clip_text(data: dict[str, Any]) -> str:
    """The facts of ``clip_facts`` for a reader."""
    numerator, denominator = data["fps_fraction"]
    exact = f" ({numerator}/{denominator})" if denominator > 1 else ""
    pace = ", from a variable rate" if data["variable_rate"] else ""
    turned = f", turned by {data['rotation']}°" if data["rotation"] else ""
    turned += ", mirrored" if data["mirrored"] else ""
    span = "full" if data["full_range"] else "limited"
    curve = "" if data["transfer"] == "sdr" else f", HDR {data['transfer'].upper()}"
    lines = [
        f"{data['path']}: {data['kind']}",
        f"  picture   {data['width']}x{data['height']}{turned}, {data['bit_depth']} bits, "
        f"{data['codec']}{', with alpha' if data['alpha'] else ''}",
        f"  rate      {data['fps']:g} fps{exact}{pace}",
        f"  length    {data['frames']} frames, {data['seconds']:.3f} s",
        *([f"  timecode  {data['timecode']}"] if data["timecode"] else []),
        f"  colour    {data['matrix']}, {span} range{curve}",
        f"  sound     {'yes' if data['audio'] else 'no'}",
        *(f"  warning   {warning}" for warning in data["warnings"]),
    ]
    return "\n".join(lines)
