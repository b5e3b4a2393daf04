"""What the network is shown of one clip or picture in training, as plain pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import CameraPath, Image


@dataclass(frozen=True, eq=False)
class TaskInputs:
    """One example of a task; F is 1 for the tasks of images.

    ``target`` RGB uint8 (F, H, W, 3): the pictures to be made, the person in them.
    ``foreground`` (F, H, W, 3): the person on grey; ``generate_mask`` float32 (F, h, w), latents'
    size: 1 = generate here, 0 = the human. ``scene`` (H, W, 3): the photo that ReferenceNet and
    the image encoder see. ``camera`` and ``scene_camera`` (one frame): of the target and of the
    scene, in one world and unit; both None where the task shows the network no camera. ``task``
    and ``clip`` are the names of both, for messages.
    """

    task: str
    clip: str
    target: NDArray[np.uint8]
    foreground: NDArray[np.uint8]
    generate_mask: NDArray[np.float32]
    scene: Image
    camera: CameraPath | None = None
    scene_camera: CameraPath | None = None
