"""Foreground over plate: colour, light, shadow, grain."""
