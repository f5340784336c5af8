"""Reads one sqlite3 file of a bag, as rosbags does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
from rosbags.interfaces import MessageDefinitionFormat
from rosbags.rosbag2.errors import ReaderError
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader

from vla_eval.core.bags.definitions import Definition
from vla_eval.core.bags.values import Message, Reading
from vla_eval.core.errors import BagError

MAGIC = b'SQLite format 3\x00'


def messages(file: Path, reading: Reading) -> Iterator[Message]:
    """Yield the messages of a file by time; note in `reading` what else it says.

    sqlite3 bags have no publish time: it is the log time, or the header's stamp where the bag
    holds the definition.

    Raises:
        BagError: it is no such file, or cannot be read at all.
    """
    try:
        with file.open('rb') as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                raise BagError(f'{file}: not a bag (no sqlite3 database)')
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BagError(f'{file}: cannot be read ({reason})') from None
    source = Sqlite3Reader(file)
    try:
        source.open()
    except (ReaderError, apsw.Error, ValueError, KeyError, TypeError) as error:
        raise BagError(f'{file}: not a bag ({" ".join(str(error).split())})') from None
    try:
        yield from _messages(source, reading)
    except (ReaderError, apsw.Error) as error:
        reading.damage = f'damaged: {" ".join(str(error).split())}'
    finally:
        source.close()


def _messages(source: Sqlite3Reader, reading: Reading) -> Iterator[Message]:
    connections: list[Any] = list(source.connections)
    for connection in connections:
        given, kind = connection.msgdef, connection.msgtype
        text = given.data if given.format == MessageDefinitionFormat.MSG else ''
        if connection.digest:
            reading.digests[kind] = connection.digest
        if text.strip():
            reading.definitions.setdefault(kind, Definition(kind, text, connection.digest))
    for connection, log_ns, data in source.messages(connections):
        kind, raw = connection.msgtype, bytes(data)
        definition = reading.definitions.get(kind)
        stamp_ns = definition.stamp_ns(raw) if definition else None
        yield Message(connection.topic, kind, raw, log_ns, stamp_ns or log_ns)
