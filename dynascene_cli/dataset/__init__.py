"""Training clips: what they are, how they are read and checked, and synthetic ones without end."""
