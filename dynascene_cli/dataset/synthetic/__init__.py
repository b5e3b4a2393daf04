"""Synthetic shots with exact ground truth: people, places, moves, and the folder of clips."""
