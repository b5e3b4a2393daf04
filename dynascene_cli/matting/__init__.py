"""The person, separated from where they were filmed."""
