"""The commands of a first real trial of a network that renders, in their order."""

from importlib.util import find_spec

CLIP, PHOTO = "person.mp4", "place.jpg"


def vace_trial() -> list[str]:
    """Wan-VACE's: what is here already is left out of the commands that fetch.

    Raises:
        InputError: the registry is damaged.
    """
    from dynascene_cli.diffusion.requirements import PACKAGES
    from dynascene_cli.weights import find

    render = f"dynascene render {CLIP} --scene {PHOTO} --renderer vace"
    lines = []
    if any(find_spec(name) is None for name in PACKAGES):
        lines.append('pip install "dynascene-cli[diffusion]"')
    if find("vace-1.3b").state == "absent":
        lines.append(find("vace-1.3b").how_to_get)
    return [
        *lines,
        "dynascene models verify vace-1.3b",
        "dynascene models encode-prompt vace-1.3b",
        f"{render} --memory-plan",
        f"{render} --end 1 --draft --steps 10 --preview-every 2 -o first.mp4",
        f"{render} --end 5 -o unseen.mp4 --report",
        f"{render} --end 5 --repaint background --conditioning-scale 0.8 -o background.mp4",
        f"dynascene render {CLIP} --scene {PHOTO} --renderer projection --end 5 -o projection.mp4",
        find("vace-14b").how_to_get,
        f"{render} --checkpoint vace-14b --offload --end 5 -o large.mp4",
    ]
