"""The stages of a shot, one file each, and the render that joins them."""
