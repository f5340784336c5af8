"""Turns a bag's messages into values by the definitions that the bag holds, or that are known."""

import functools
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from vla_eval.core.bags.definitions import Definitions
from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.values import Message
from vla_eval.core.errors import BagError

OURS = 'vla_msgs/msg/'


class Decoder:
    """Decodes messages of one bag.

    Where the bag lacks a definition, the standard types are known, and the suite's are read as
    they are installed, if the bag tells no other type hash.

    Args:
        bag: It is asked for its definitions as they come up.
        installed: The suite's definitions.
    """

    def __init__(self, bag: Bag, installed: Definitions | None = None):
        self._bag = bag
        self._installed = installed or Definitions()
        self._standard = _standard()
        self._stores: dict[str, Any] = {}

    def decode(self, message: Message) -> Any:
        """Return the message, an object with its fields; arrays of numbers are numpy's.

        Raises:
            BagError: its definition is missing, or it is not as that says.
        """
        store = self._store(message.kind)
        try:
            return store.deserialize_cdr(message.data, message.kind)
        except Exception as error:  # generated code: a short message raises whatever it runs into
            raise BagError(
                f'{self._bag.path}: a message of {message.topic} is not a {message.kind} as '
                f'defined ({type(error).__name__}: {" ".join(str(error).split())})'
            ) from None

    def check(self, kind: str) -> None:
        """Make sure that messages of a type can be read.

        Raises:
            BagError: its definition is missing or unreadable, or the installed one is another.
        """
        self._store(kind)

    def _store(self, kind: str) -> Any:
        if kind not in self._stores:
            self._stores[kind] = self._made(kind)
        return self._stores[kind]

    def _made(self, kind: str) -> Any:
        definition = self._bag.reading.definitions.get(kind)
        if definition is None:
            if kind in self._standard.types:
                return self._standard
            if kind.startswith(OURS):
                return self._as_installed(kind)
            raise BagError(
                f'{self._bag.path}: the definition of {kind} is missing, and it is none of the '
                'standard types; record with embedded definitions'
            )
        if kind in self._standard.types and definition.digest == _digest(kind):
            return self._standard
        try:
            return _store(definition.text, kind)
        except Exception as error:  # the parser's own errors have no common base
            raise BagError(
                f'{self._bag.path}: the definition of {kind} is unreadable '
                f'({" ".join(str(error).split())})'
            ) from None

    def _as_installed(self, kind: str) -> Any:
        told = self._bag.reading.digests.get(kind, '')
        try:
            store = _store(self._installed.of(kind).text, kind)
        except BagError as error:
            raise BagError(
                f'{self._bag.path}: the definition of {kind} is missing ({error}); record with '
                'embedded definitions'
            ) from None
        known = str(store.hash_rihs01(kind))
        if told and told != known:
            raise BagError(
                f'{self._bag.path}: the definition of {kind} is missing, and the installed one is '
                f'another ({told[:15]} in the bag, {known[:15]} here); record with embedded '
                'definitions'
            )
        return store


@functools.cache
def _standard() -> Any:
    return get_typestore(Stores.ROS2_JAZZY)


@functools.cache
def _digest(kind: str) -> str:
    """Return the type hash of a standard type."""
    return str(_standard().hash_rihs01(kind))


@functools.lru_cache(maxsize=256)
def _store(text: str, kind: str) -> Any:
    """Return the types of a definition; the same one in many bags is read once."""
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(text, kind))
    return store
