"""Published networks whose features are compared: built here, their weights loaded by name."""
