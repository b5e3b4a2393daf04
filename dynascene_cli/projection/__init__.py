"""The weightless renderer: one photo, seen by another camera."""
