"""What an editor is told of how the person was put into the picture."""

CUT_SIZE_KEPT = (
    "the person is cut by the clip's edge: they keep the clip's framing, and their size "
    "does not quite fit the ground"
)
CUT_BELOW_KEPT = (
    "the clip's lower edge cuts the person off in part of it: they keep the clip's framing "
    "and size, and may look too large or too small for this photo; --position puts them "
    "on its ground"
)
POSITION_NOT_USED = (
    "--position would show where the clip cuts the person off: their framing is kept"
)


FEET_HIDDEN = (
    "lettering over the clip hides the person's feet: they are kept below the picture's lower "
    "edge; a clip without lettering, or --matte with the feet in it, shows them"
)


def occupied_ground(what: str) -> str:
    """The person stands on what bears nobody."""
    return (
        f"the person stands on {what}: no free ground of their size was found there; "
        "--position X,Y moves them, --crop shows another part of the photo"
    )


def stands_in_front(what: str) -> str:
    """The person stands nearer than all that the photo shows."""
    return (
        "the photo shows no free ground of the person's size where they were filmed, but "
        f"{what}: they stand in front of it, the picture's lower edge cuts their legs; "
        "--position X,Y puts them into it, --crop shows another part of the photo"
    )


def cut_shown(edges: str, share: float, *, completed: bool) -> str:
    """The clip's ``edges`` cut the person inside the picture, for a share of the clip."""
    shown = (
        "what is beyond it is carried on from the frames around"
        if completed
        else "the cut is seen inside the picture: the size that hides it does not fit this photo"
    )
    return (
        f"the clip's {edges} edge cuts the person off for {100 * share:.0f} % of the clip, and "
        f"{shown}; --start and --end leave those moments out"
    )


def soles_cut(share: float) -> str:
    """The clip's lower edge takes the soles, inside the picture, for a share of the clip."""
    return (
        f"the clip's lower edge cuts the soles off for {100 * share:.0f} % of the clip, and they "
        "end flat inside the picture; --position X,Y with a larger Y puts them below its edge"
    )


def lowered_behind(row: float, share: float) -> str:
    """Something hides the person below ``row``; ``share`` of the height they are shown lower."""
    return (
        f"something in front of the person hides them below {row:.2f} of the clip's height: "
        f"they are shown {100 * share:.0f} % of the height lower, so that the cut is at the "
        "picture's edge"
    )


def moved_position(x: float, y: float) -> str:
    """The person stands at fractions of the picture other than those asked for."""
    return (
        f"--position would show where the clip cuts the person off: they stand at "
        f"{x:.2f},{y:.2f} instead"
    )


def resized(factor: float, row: float, *, partly_outside: bool) -> str:
    """The person is ``factor`` times as large as filmed, their feet at ``row`` of the height."""
    outside = ", partly outside the picture" if partly_outside else ""
    return (
        f"the person is shown at {100 * factor:.0f} % of the size they were filmed at{outside}, "
        f"feet at {row:.2f} of the height, as tall as people are there in this photo: "
        "--position, --person-height, --horizon or --camera-height change that"
    )
