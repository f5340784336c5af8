"""How the command line says no: one line, one exit status."""


class Refusal(Exception):
    """The command line itself is wrong (exit 2): the message says what, and what would be right."""

    status = 2


class Failure(Exception):
    """It ran and did not work (exit 1): the message is for a person, several lines allowed."""

    status = 1
