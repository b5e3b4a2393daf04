"""One thin file a subcommand: options in, one call, a report out."""
