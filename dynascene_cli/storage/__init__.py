"""Files of a run: the project folder, its cache and lock, files that appear whole, presets."""
