"""Many shots with one command: which they are, how they are run, and what became of them."""
