"""Errors of the suite: one line that says what was wrong, where, and what would be right."""


class VlaError(Exception):
    """Base of every error that the suite raises on purpose."""


class FieldError(VlaError):
    """A value that came from outside is wrong.

    Attributes:
        field: Path of the offending field, e.g. `limits.joints.joint3.velocity`.
        problem: What is wrong with it and what would be right.
    """

    def __init__(self, field: str, problem: str):
        self.field = field
        self.problem = problem
        super().__init__(f'{field}: {problem}')


class ContractError(FieldError):
    """The robot contract is wrong."""


class ObservationError(FieldError):
    """An observation is malformed."""


class ChunkError(FieldError):
    """An action chunk is malformed."""


class CommandError(FieldError):
    """A command or an executor status is malformed."""
