"""Serialises messages by their installed definitions, without ROS: the decoder's counterpart."""

from collections.abc import Mapping
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from vla_eval.core.bags.definitions import Definition, Definitions

SECOND = 1_000_000_000


class Encoder:
    """Serialises messages that are given as plain values.

    Args:
        definitions: Of the types; they are written into the bag, too.
    """

    def __init__(self, definitions: Definitions | None = None):
        self._definitions = definitions or Definitions()
        self._stores: dict[str, Any] = {}

    def definition(self, kind: str) -> Definition:
        """Return the definition of `package/msg/Type`.

        Raises:
            BagError: its package is not installed.
        """
        return self._definitions.of(kind)

    def encode(self, kind: str, values: Mapping[str, Any]) -> bytes:
        """Return a serialised message (CDR).

        Args:
            kind: `package/msg/Type`.
            values: Every field by name; messages inside as mappings, or lists of them.

        Raises:
            BagError: its package is not installed.
        """
        if kind not in self._stores:
            store = get_typestore(Stores.EMPTY)
            store.register(get_types_from_msg(self.definition(kind).text, kind))
            self._stores[kind] = store
        store = self._stores[kind]
        return bytes(store.serialize_cdr(_made(store, kind, values), kind))


def time(value_ns: int) -> dict[str, int]:
    """Return the fields of builtin_interfaces/Time."""
    seconds, rest = divmod(value_ns, SECOND)
    return {'sec': seconds, 'nanosec': rest}


def header(stamp_ns: int, frame: str = '') -> dict[str, Any]:
    """Return the fields of std_msgs/Header."""
    return {'stamp': time(stamp_ns), 'frame_id': frame}


def _made(store: Any, kind: str, values: Mapping[str, Any]) -> Any:
    fields = store.fielddefs[kind][1]
    return store.types[kind](**{name: _field(store, desc, values[name]) for name, desc in fields})


def _field(store: Any, described: tuple[Any, Any], value: Any) -> Any:
    if isinstance(value, Mapping):
        return _made(store, described[1], value)
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        inside = described[1][0]  # of an array: (element, length)
        return [_made(store, inside[1], one) for one in value]
    return value
