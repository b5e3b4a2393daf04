"""The local page on which a shot is directed by hand."""
