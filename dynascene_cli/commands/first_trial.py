"""The commands of a first real trial of a public network that renders, in their order."""

CLIP, PHOTO = "person.mp4", "place.jpg"


def sana_trial() -> list[str]:
    """SANA-WM's: what is here already is left out of the commands that fetch."""
    render = f"dynascene render {CLIP} --scene {PHOTO} --renderer sana-wm"
    return [
        *_fetching("sana-wm"),
        f"{render} --memory-plan",
        f"{render} --end 1 --draft --steps 10 --preview-every 2 -o first.mp4",
        f"{render} --end 5 -o reinserted.mp4 --report",
        f"{render} --end 5 --no-reinsert -o alone.mp4",
        *(
            f"{render} --end 5 --camera truck-left --translation-scale {scale} -o scale-{scale}.mp4"
            for scale in (0.3, 1, 3)
        ),
    ]


def _fetching(name: str) -> list[str]:
    from dynascene_cli.diffusion.requirements import absent_packages
    from dynascene_cli.weights import find

    return [
        *(['pip install "dynascene-cli[diffusion]"'] if absent_packages() else []),
        *([find(name).how_to_get] if find(name).state == "absent" else []),
        f"dynascene models verify {name}",
        f"dynascene models encode-prompt {name}",
    ]


def vace_trial() -> list[str]:
    """Wan-VACE's: what is here already is left out of the commands that fetch."""
    from dynascene_cli.weights import find

    render = f"dynascene render {CLIP} --scene {PHOTO} --renderer vace"
    return [
        *_fetching("vace-1.3b"),
        f"{render} --memory-plan",
        f"{render} --end 1 --draft --steps 10 --preview-every 2 -o first.mp4",
        f"{render} --end 5 -o unseen.mp4 --report",
        f"{render} --end 5 --repaint background --conditioning-scale 0.8 -o background.mp4",
        f"dynascene render {CLIP} --scene {PHOTO} --renderer projection --end 5 -o projection.mp4",
        find("vace-14b").how_to_get,
        f"{render} --checkpoint vace-14b --offload --end 5 -o large.mp4",
    ]
