"""Camera moves: presets and trajectories, sampled into paths."""
