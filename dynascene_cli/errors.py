"""The three ways in which a run can fail, each with the exit code that scripts rely on."""


class DynasceneError(Exception):
    """A failure told to the user in one line, with a hint of what would be right.

    Never raised itself: its subclasses carry the exit code.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(DynasceneError):
    """An input or a setting is wrong: name the file, what is wrong, and what would be right."""

    exit_code = 1


class MissingError(DynasceneError):
    """Something is not installed or not downloaded: the hint is the command that gets it."""

    exit_code = 3


class StageError(DynasceneError):
    """A stage failed though its input was good: the hint says what to try."""

    exit_code = 4
