"""Straightness and PSNR to truth of three synthetic streets: relief, pop-up and a true depth map.

Bend and lean are the worst of all sides of posts and frontal walls, in pixels per 100 of height,
at both ends of the move.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "scene"))

from streets import MOVES, STREETS, WIDTH, camera, crookedness, guess_of, path_of, seen

from dynascene_cli.projection import ProjectionRenderer
from dynascene_cli.scene import build_scene
from dynascene_cli.shot import Margins

MARGINS = Margins(160, 32, 160, 32)


def main() -> None:
    print(f"{'street':<10}{'move':<8}{'shape':<9}{'bend':>6}{'lean':>6}  PSNR dB")
    for street in STREETS:
        photo = seen(street, camera())
        guess = guess_of(street, photo)
        depth = np.where(np.isfinite(photo.depth), photo.depth, 640).astype(np.float32)
        shapes = {
            "relief": build_scene(photo.image, replace(guess, labels=None), MARGINS),
            "cards": build_scene(photo.image, guess, MARGINS),
            "depth": build_scene(photo.image, guess, MARGINS, depth=depth),
        }
        for move, poses in MOVES.items():
            truths = [seen(street, pose) for pose in poses]
            for shape, scene in shapes.items():
                renderer = ProjectionRenderer(scene, path_of(poses))
                views = [renderer.frame(i) for i in range(len(poses))]
                sides = [
                    value
                    for view, truth in zip(views, truths, strict=True)
                    for value in crookedness(street, view, truth).values()
                ]
                bend, lean = np.max(sides, axis=0)
                error = np.mean(
                    [
                        (view.astype(float) - truth.image)[:, WIDTH // 16 : -WIDTH // 16] ** 2
                        for view, truth in zip(views, truths, strict=True)
                    ]
                )
                decibels = 10 * np.log10(255**2 / error)
                print(f"{street:<10}{move:<8}{shape:<9}{bend:>6.2f}{lean:>6.2f}  {decibels:.1f}")


if __name__ == "__main__":
    main()
