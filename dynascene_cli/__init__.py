"""A person, a photo, a camera move: the person standing in that place, filmed by that camera."""

from dynascene_cli.storage.environment import prepare

__version__ = "0.1.0"

prepare()
