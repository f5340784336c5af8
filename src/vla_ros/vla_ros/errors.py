"""Errors of the ROS side: one line that names the field or the parameter."""

from collections.abc import Iterator
from contextlib import contextmanager

from vla_core.errors import FieldError, VlaError


class MessageError(FieldError):
    """A message is malformed; `field` is the path of the offending field in it."""


class ParameterError(FieldError):
    """A parameter of a node is wrong; `field` is its name."""


def one_line(error: BaseException) -> str:
    """Return what an error says, in one line."""
    return ' '.join(str(error).split())


@contextmanager
def message_field(prefix: str = '', **renamed: str) -> Iterator[None]:
    """Turn what a value of vla_core refuses into a MessageError of the message it came from.

    Args:
        prefix: Path of the part of the message that is being read, e.g. `views[0]`.
        renamed: Fields of the value whose name in the message differs.
    """
    try:
        yield
    except FieldError as error:
        own = error.field if isinstance(error, MessageError) else renamed.get(error.field)
        path = '.'.join(filter(None, (prefix, own or error.field)))
        raise MessageError(path, error.problem) from None
    except VlaError as error:
        raise MessageError(prefix or 'message', str(error)) from None
