"""How the command line says no."""


class UsageError(Exception):
    """The command line itself is wrong (exit 2): one line says what, and what would be right."""

    status = 2


class RunError(Exception):
    """It ran and did not work (exit 1): the message is for a person, several lines allowed."""

    status = 1
