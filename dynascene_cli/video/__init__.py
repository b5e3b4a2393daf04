"""Frames in and out: colour, alpha and audio by their tags."""
