"""The photo as a place: horizon, sky, ground, relief, outpainting, depth."""
