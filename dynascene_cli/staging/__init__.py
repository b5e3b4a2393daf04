"""The person into the place: where they stand, and the camera that films them."""
