"""Camera features from Plücker maps: the paper's appendix A, with CameraCtrl's layers."""

from diffusers.models.attention import BasicTransformerBlock
from torch import Tensor, nn
from torch.nn import functional

from dynascene_cli.diffusion.camera_rays import without_autocast
from dynascene_cli.diffusion.configuration import NetworkConfig

PLUECKER_CHANNELS = 6


class FullPrecisionConv2d(nn.Conv2d):
    """A convolution in float32 whatever autocast or its weights' type say.

    A slow pan changes Plücker coordinates from frame to frame by less than half precision holds.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (B, C, h, w) to features in the weights' type."""
        bias = None if self.bias is None else self.bias.float()
        with without_autocast(maps.device):
            features = self._conv_forward(maps.float(), self.weight.float(), bias)
        return features.to(self.weight.dtype)


class CameraBlock(nn.Module):
    """A residual block without norms, then self-attention over the frames at each position."""

    def __init__(self, inputs: int, outputs: int, config: NetworkConfig) -> None:
        super().__init__()
        self.in_conv = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.block1 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.block2 = nn.Conv2d(outputs, outputs, 1)
        self.attention = BasicTransformerBlock(
            outputs,
            config.motion_heads,
            outputs // config.motion_heads,
            positional_embeddings="sinusoidal",
            num_positional_embeddings=config.motion_frames,
        )

    def forward(self, features: Tensor, frames: int) -> Tensor:
        """Features (B·F, C, h, w) of B clips of ``frames`` frames."""
        features = self.in_conv(features)
        features = features + self.block2(functional.relu(self.block1(features)))
        _, channels, height, width = features.shape
        over_time = features.unflatten(0, (-1, frames)).permute(0, 3, 4, 1, 2)
        over_time = self.attention(over_time.reshape(-1, frames, channels))
        over_time = over_time.unflatten(0, (-1, height, width)).permute(0, 3, 4, 1, 2)
        return over_time.reshape(-1, channels, height, width)


class CameraEncoder(nn.Module):
    """Plücker maps to one map of camera features a level of the U-Net.

    The paper's appendix A; its layers are CameraCtrl's (He et al. 2024), whose weights fit where
    ``camera_blocks`` is 2.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.stride = config.latent_stride
        self.conv_in = FullPrecisionConv2d(
            PLUECKER_CHANNELS * self.stride**2, config.channels[0], 3, padding=1
        )
        inputs = (config.channels[0], *config.channels)
        self.levels = nn.ModuleList(
            nn.ModuleList(
                CameraBlock(inputs[level] if block == 0 else outputs, outputs, config)
                for block in range(config.camera_blocks)
            )
            for level, outputs in enumerate(config.channels)
        )

    def forward(self, maps: Tensor) -> list[Tensor]:
        """Features (B, F, C, h, w) at every level, of pixels' Plücker maps (B, F, 6, H, W)."""
        frames = maps.shape[1]
        features = self.conv_in(functional.pixel_unshuffle(maps.flatten(0, 1), self.stride))
        found = []
        for index, blocks in enumerate(self.levels):
            if index > 0:
                # The U-Net halves an odd side upwards, and so does the pooling.
                features = functional.avg_pool2d(features, 2, ceil_mode=True)
            for block in blocks:  # type: ignore[attr-defined]
                features = block(features, frames)
            found.append(features.unflatten(0, (-1, frames)))
        return found
