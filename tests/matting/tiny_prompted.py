"""Segment Anything on video and ViTMatte at tiny sizes, saved as their published folders are."""

import torch
from transformers import (
    Sam2VideoConfig,
    Sam2VideoModel,
    Sam3VideoConfig,
    Sam3VideoModel,
    VitDetConfig,
    VitMatteConfig,
    VitMatteForImageMatting,
)

WIDTH = 128
"""Twice the memory's channels, which are fixed: pointers to things are split in two to fit them."""
TRACKER = {
    "memory_attention_hidden_size": WIDTH,
    "memory_attention_num_layers": 1,
    "memory_attention_feed_forward_hidden_size": 16,
    "memory_encoder_hidden_size": WIDTH,
    "memory_encoder_output_channels": 64,
    "mask_downsampler_embed_dim": WIDTH,
    "memory_fuser_embed_dim": WIDTH,
    "memory_fuser_intermediate_dim": 16,
    "memory_fuser_num_layers": 1,
    "memory_attention_rope_feat_sizes": [8, 8],
    "mask_decoder_config": {
        "hidden_size": WIDTH,
        "mlp_dim": 16,
        "num_attention_heads": 2,
        "iou_head_depth": 2,
        "iou_head_hidden_dim": 16,
    },
}
SCALES = [[32, 32], [16, 16], [8, 8]]


def prompts(side, patch):
    return {"hidden_size": WIDTH, "image_size": side, "patch_size": patch, "mask_input_channels": 8}


def save_sam2(folder):
    torch.manual_seed(0)
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "image_size": [128, 128],
        "blocks_per_stage": [1, 2, 3, 2],
        "embed_dim_per_stage": [8, 16, 32, 64],
        "num_attention_heads_per_stage": [1, 1, 2, 4],
        "global_attention_blocks": [5],
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": SCALES,
        "fpn_hidden_size": WIDTH,
    }
    config = Sam2VideoConfig(
        vision_config=vision,
        image_size=128,
        prompt_encoder_config=prompts(128, 16),
        **TRACKER,
    )
    return _saved(Sam2VideoModel(config), folder)


def save_sam3(folder):
    """The whole of SAM 3 as it is published, detector and all; the tracker is a part of it."""
    torch.manual_seed(0)
    backbone = {
        "model_type": "sam3_vit_model",
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 112,
        "window_size": 4,
        "global_attn_indexes": [1],
        "pretrain_image_size": 56,
    }
    vision = {
        "model_type": "sam3_vision_model",
        "backbone_config": backbone,
        "fpn_hidden_size": WIDTH,
        "backbone_feature_sizes": SCALES,
    }
    small = {"hidden_size": WIDTH, "num_attention_heads": 2, "intermediate_size": 16}
    text = small | {"model_type": "clip_text_model", "num_hidden_layers": 1, "vocab_size": 50}
    detector = {
        "model_type": "sam3",
        "vision_config": vision,
        "text_config": text | {"projection_dim": WIDTH, "max_position_embeddings": 8},
        "geometry_encoder_config": {"num_layers": 1, **small},
        "detr_encoder_config": {"num_layers": 1, **small},
        "detr_decoder_config": {"num_layers": 1, "num_queries": 4, **small},
        "mask_decoder_config": {"hidden_size": WIDTH, "num_attention_heads": 2},
    }
    tracker = {
        "model_type": "sam3_tracker_video",
        "vision_config": vision,
        "image_size": 112,
        "prompt_encoder_config": prompts(112, 14),
        **TRACKER,
    }
    network = Sam3VideoModel(Sam3VideoConfig(detector_config=detector, tracker_config=tracker))
    return _saved(network, folder)


def save_vitmatte(folder):
    torch.manual_seed(0)
    backbone = VitDetConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_channels=4,
        image_size=64,
        pretrain_image_size=32,
        residual_block_indices=[0],
        out_features=["stage1"],
    )
    config = VitMatteConfig(
        backbone_config=backbone, hidden_size=16, convstream_hidden_sizes=[4, 8, 8],
        fusion_hidden_sizes=[16, 8, 8, 4],
    )  # fmt: skip
    return _saved(VitMatteForImageMatting(config), folder)


def _saved(network, folder):
    """Freshly made networks say nearly nothing, and that nothing is there; here they speak up."""
    for name, parameter in network.named_parameters():
        if "pred_obj_score_head.proj_out.bias" in name:
            torch.nn.init.constant_(parameter, 10.0)
        elif "pred_obj_score_head.proj_out.weight" in name:
            torch.nn.init.zeros_(parameter)
        elif parameter.ndim > 1 and ("mask_decoder" in name or name.startswith("decoder.")):
            torch.nn.init.normal_(parameter, std=0.3)
    network.save_pretrained(folder)
    return folder
