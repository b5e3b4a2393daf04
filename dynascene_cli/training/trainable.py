"""Which weights a stage of training changes."""

import re

from torch import nn

from dynascene_cli.diffusion.attention_processors import is_motion
from dynascene_cli.diffusion.network import Network
from dynascene_cli.training.settings import Stage

_FOLDED_AWAY = re.compile(r"\.transformer_blocks\.\d+\.(attn2\.to_[qk]|norm2)\.")


def train_only(
    network: Network, stage: Stage, train_image_encoder: bool = False
) -> dict[str, nn.Parameter]:
    """Let gradients reach the weights of one stage and no other; those weights by name.

    ``image`` (the paper's stage I): denoiser without motion, and ReferenceNet. ``video`` (stage
    II, appendix A): motion modules, camera adaptors and encoder, and the geometry in reference
    attention. ``single`` (appendix C): all of these. The image encoder learns only where that is
    asked for, as of one that nobody trained before; the VAE never does.

    Weights that no gradient can reach stay frozen: what chooses among the keys of a
    cross-attention that has one, the part of ReferenceNet behind the last layer that is read, and
    what is added to all keys alike.
    """
    spatial, temporal = stage in ("image", "single"), stage in ("video", "single")
    unread = _behind_last_read(network)
    for name, parameter in network.named_parameters():
        room, _, layer = name.partition(".")
        if room == "camera_encoder" or is_motion(layer) or ".processor.geometry." in layer:
            wanted = temporal
        elif room in ("denoiser", "reference_net"):
            wanted = spatial and not _FOLDED_AWAY.search(layer) and not unread.match(name)
        else:
            wanted = (
                room == "image_encoder"
                and train_image_encoder
                and not layer.endswith("k_proj.bias")
            )
        parameter.requires_grad_(wanted)
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def _behind_last_read(network: Network) -> re.Pattern[str]:
    last = f"{network.config.levels - 1}.attentions.{network.config.layers_per_block}"
    block = rf"up_blocks\.{re.escape(last)}\."
    inside = r"transformer_blocks\.0\.(attn|norm[23]|ff)|proj_out"
    return re.compile(rf"reference_net\.({block}({inside})|conv_norm_out|conv_out)")
