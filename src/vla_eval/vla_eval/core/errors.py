"""Errors of the evaluation."""

from vla_core.errors import VlaError


class EvalError(VlaError):
    """Base of the evaluation's errors."""


class RequestError(EvalError):
    """What was asked for does not exist or is out of range."""


class WorkerError(EvalError):
    """A worker process failed; the message is its own last word."""


class BagError(EvalError):
    """A bag cannot be written, read or used; the message names it and says why."""


class DatasetFormatError(EvalError):
    """A LeRobotDataset cannot be written, read or used; the message names it and says why."""
