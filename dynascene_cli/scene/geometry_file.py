"""A guessed geometry kept in a file, exactly, so that one photo is looked at once."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.scene.horizon import HorizonEvidence, Viewpoint
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.shot import Mask, SceneGeometry
from dynascene_cli.storage.array_files import open_arrays


def write_guess_file(path: Path, guess: GeometryGuess, people: Mask | None) -> None:
    """Write a guess and the mask (H, W) of who stands in the photo to an .npz file."""
    text = {
        "geometry": asdict(guess.geometry),
        "evidence": [asdict(item) for item in guess.evidence],
        "viewpoint": asdict(guess.viewpoint),
        "sources": dict(guess.sources),
        "guessed": dict(guess.guessed),
        "people": people is not None,
    }
    nobody = np.zeros_like(guess.sky)
    masks = np.stack([guess.sky, guess.ground, nobody if people is None else people])
    arrays: dict[str, Any] = {
        "text": np.array(json.dumps(text, default=float)),
        "masks": np.packbits(masks, axis=-1),
    }
    if guess.labels is not None:
        arrays |= {"classes": guess.labels.classes, "certainty": guess.labels.certainty}
        if guess.labels.people is not None:
            arrays["outlines"] = guess.labels.people
    np.savez_compressed(path, **arrays)


def read_guess_file(path: Path) -> tuple[GeometryGuess, Mask | None]:
    """What ``write_guess_file`` wrote."""
    with open_arrays(path) as arrays:
        text = json.loads(str(arrays["text"]))
        packed = arrays["masks"]
        labels = None
        if "classes" in arrays:
            outlined = arrays.get("outlines")
            labels = SceneLabels(arrays["classes"], arrays["certainty"], outlined)
    fields = text["geometry"]
    geometry = SceneGeometry(**{**fields, "warnings": tuple(fields["warnings"])})
    sky, ground, people = np.unpackbits(packed, axis=-1, count=geometry.width).astype(bool)
    guess = GeometryGuess(
        geometry=geometry,
        sky=sky,
        ground=ground,
        evidence=tuple(HorizonEvidence(**item) for item in text["evidence"]),
        viewpoint=Viewpoint(**text["viewpoint"]),
        sources=text["sources"],
        guessed=text["guessed"],
        labels=labels,
    )
    return guess, people if text["people"] else None
