"""Errors of the evaluation."""

from vla_core.errors import VlaError


class EvalError(VlaError):
    """Base of the evaluation's errors."""


class RequestError(EvalError):
    """What was asked for does not exist or is out of range."""


class WorkerError(EvalError):
    """A worker process failed; the message is its own last word."""
