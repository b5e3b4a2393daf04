"""Camera moves: keyframes, presets and files, evaluated into camera paths."""
