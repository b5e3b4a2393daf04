"""A video session of Segment Anything 2 or 3 that is made anew for every frame from its memory.

transformers keeps all that was ever seen in its session. Here only what the next frame can look
back at is kept, as NumPy arrays, so that a run that was killed continues to the same digits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dynascene_cli.matting.base import MattingState

POINT, BOX_LOW, BOX_HIGH = 1, 2, 3
"""What the networks call a point on a thing, and a box's corners."""
KINDS = ("cond_frame_outputs", "non_cond_frame_outputs")
REMEMBERED = ("maskmem_features", "maskmem_pos_enc", "object_pointer", "object_score_logits")
HALF = ":bfloat16"


@dataclass(frozen=True)
class Prompt:
    """A thing to follow from this frame on: its number, and points (x, y, label) in 0..1."""

    thing: int
    points: tuple[tuple[float, float, int], ...]


def session_of(network: Any, session_class: Any, memory: MattingState) -> Any:
    """The session that a memory is of."""
    session = session_class(
        video_height=network.config.image_size,
        video_width=network.config.image_size,
        inference_device=network.device,
        dtype=torch.float32,
    )
    for name, array in memory.items():
        thing, kind, frame, key = name.split("/")
        index = session.obj_id_to_idx(int(thing))
        outputs = session.output_dict_per_obj[index][KINDS[int(kind)]].setdefault(int(frame), {})
        tensor = torch.from_numpy(array)
        if key.endswith(HALF):
            tensor = tensor.view(torch.bfloat16)
        outputs[key.removesuffix(HALF)] = tensor.to(network.device)
    return session


def memory_of(network: Any, session: Any, frame: int) -> MattingState:
    """What the frames after this one can look back at."""
    reach = max(network.config.num_maskmem, network.config.max_object_pointers_in_encoder)
    memory: MattingState = {}
    for index, thing in session._obj_idx_to_id.items():
        for kind, storage in enumerate(KINDS):
            for number, outputs in session.output_dict_per_obj[index][storage].items():
                if kind == 0 or number > frame - reach:
                    for key in REMEMBERED:
                        tensor = outputs[key].cpu()
                        half = tensor.dtype == torch.bfloat16
                        array = (tensor.contiguous().view(torch.int16) if half else tensor).numpy()
                        memory[f"{thing}/{kind}/{number}/{key}{HALF * half}"] = array
    return memory


def masks_of_frame(
    network: Any, session: Any, pixels: torch.Tensor, frame: int, prompts: Iterable[Prompt]
) -> dict[int, Any]:
    """The logits (h, w) of each thing in the next frame's picture (1, 3, H, W), by its number."""
    side = network.config.image_size
    begun = []
    for prompt in prompts:
        index = session.obj_id_to_idx(prompt.thing)
        points = torch.tensor([[[[x * side, y * side] for x, y, _ in prompt.points]]])
        labels = torch.tensor([[[label for *_, label in prompt.points]]], dtype=torch.int32)
        session.add_point_inputs(index, frame, {"point_coords": points, "point_labels": labels})
        begun.append(prompt.thing)
    session.obj_with_new_inputs = begun
    if not session.obj_ids:
        return {}
    made = network(inference_session=session, frame=pixels.to(network.device), frame_idx=frame)
    logits = made.pred_masks.float().cpu().numpy()[:, 0]
    return {thing: np.asarray(each) for thing, each in zip(made.object_ids, logits, strict=True)}
