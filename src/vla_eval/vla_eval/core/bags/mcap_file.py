"""Reads one MCAP file from its beginning, up to the last whole message that is there."""

import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import lz4.frame
import zstandard
from mcap.exceptions import EndOfFile, McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, McapRecord, Metadata, Schema
from mcap.records import Message as McapMessage
from mcap.stream_reader import StreamReader, breakup_chunk

from vla_eval.core.bags.definitions import Definition
from vla_eval.core.bags.values import Message, Reading
from vla_eval.core.errors import BagError

MAGIC = b'\x89MCAP0\r\n'
MOST_INFLATED = 1 << 30  # bytes of one chunk, whatever its header claims
DAMAGE = (
    McapError,
    ValueError,
    KeyError,
    struct.error,
    zlib.error,
    zstandard.ZstdError,
    RuntimeError,  # of lz4
    MemoryError,
    OverflowError,  # a length beyond any index
    IndexError,
)


class _Whole:
    """A file that gives all that is asked for or says that it ends; never asks for more memory."""

    def __init__(self, file: BinaryIO, size: int):
        self._file = file
        self._size = size
        self._at = file.tell()  # kept here: records are read by fields, and asking is not free

    def tell(self) -> int:
        return self._at

    def read(self, length: int) -> bytes:
        if length > self._size - self._at:
            raise EndOfFile
        data = self._file.read(length)
        self._at += len(data)
        return data


def messages(file: Path, reading: Reading) -> Iterator[Message]:
    """Yield the messages of a file in its order; note in `reading` what else it says.

    Damage ends the reading and is noted, too; chunks that are cut are read as far as they go.

    Raises:
        BagError: it is not MCAP, or cannot be read at all.
    """
    try:
        size = file.stat().st_size
        with file.open('rb') as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                what = 'empty' if size == 0 else 'not MCAP: it begins otherwise'
                raise BagError(f'{file}: not a bag ({what})')
            stream.seek(0)
            yield from _messages(stream, size, reading)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BagError(f'{file}: cannot be read ({reason})') from None


def _messages(stream: BinaryIO, size: int, reading: Reading) -> Iterator[Message]:
    seen = _Seen(reading)
    whole = _Whole(stream, size)
    source = StreamReader(whole, emit_chunks=True, record_size_limit=size)  # type: ignore[arg-type]
    records = iter(source.records)
    at = len(MAGIC)
    try:
        while (record := next(records, None)) is not None:
            for inner in _opened(record, at, reading):
                if (message := seen.take(inner)) is not None:
                    yield message
            at = whole.tell()
        return
    except DAMAGE as error:
        reading.damage = _why(error, at)
        reading.lost_bytes += size - at
    stream.seek(at)
    for inner in _rest_of_chunk(stream.read(MOST_INFLATED)):
        if (message := seen.take(inner)) is not None:
            yield message


class _Seen:
    """Schemas and channels so far."""

    def __init__(self, reading: Reading):
        self._reading = reading
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}

    def take(self, record: McapRecord) -> Message | None:
        """Note a record; return it where it is a message of a known channel."""
        reading = self._reading
        if isinstance(record, McapMessage):
            if record.channel_id not in self._channels:
                return None
            topic, kind = self._channels[record.channel_id]
            times = record.log_time, record.publish_time
            return Message(topic, kind, record.data, *times, record.sequence)
        if isinstance(record, Schema):
            self._schemas[record.id] = record.name
            text = record.data.decode('utf-8') if record.encoding == 'ros2msg' else ''
            if text.strip():
                reading.definitions.setdefault(record.name, Definition(record.name, text))
        elif isinstance(record, Channel):
            kind = self._schemas.get(record.schema_id, '')
            self._channels[record.id] = record.topic, kind
            reading.qos.setdefault(record.topic, record.metadata.get('offered_qos_profiles', ''))
            digest = record.metadata.get('topic_type_hash', '')
            known = reading.definitions.get(kind)
            if digest:
                reading.digests[kind] = digest
            if digest and known is not None and not known.digest:
                reading.definitions[kind] = Definition(kind, known.text, digest)
        elif isinstance(record, Metadata) and record.name == 'vla':
            reading.about.update(record.metadata)
        return None


def _opened(record: McapRecord, at: int, reading: Reading) -> list[McapRecord]:
    """Return the records of a chunk, or the record itself; of a chunk that is damaged none."""
    if not isinstance(record, Chunk):
        return [record]
    try:
        if record.uncompressed_size > MOST_INFLATED:
            raise ValueError(f'a chunk claims {record.uncompressed_size} bytes')
        return breakup_chunk(record, validate_crc=True)
    except DAMAGE as error:
        reading.damage = _why(error, at)
        reading.lost_bytes += len(record.data)
        return []


def _rest_of_chunk(data: bytes) -> Iterator[McapRecord]:
    """Yield the whole records at the beginning of a chunk that is cut."""
    head = struct.Struct('<BQQQQII')  # opcode, length, start, end, size, crc, length of a name
    if len(data) < head.size or data[0] != Opcode.CHUNK:
        return
    _, length, *_, name_length = head.unpack_from(data)
    if length + 9 <= len(data):
        return  # not cut: what is wrong with it lies elsewhere
    begins = head.size + name_length + 8
    name = data[head.size : head.size + name_length]
    inside = _inflated(data[begins:], name)
    whole = _Whole(BytesIO(inside), len(inside))
    source = StreamReader(
        whole,  # type: ignore[arg-type]
        skip_magic=True,
        record_size_limit=len(inside),
    )
    try:
        yield from source.records
    except DAMAGE:
        return


def _inflated(data: bytes, compression: bytes) -> bytes:
    """Return as much of cut data as can be had."""
    try:
        if compression == b'zstd':
            inflater = zstandard.ZstdDecompressor().stream_reader(BytesIO(data))
            return _pieces(inflater.read)
        if compression == b'lz4':
            return lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=MOST_INFLATED)
    except DAMAGE:
        return b''
    return b'' if compression else data


def _pieces(read: Callable[[int], bytes]) -> bytes:
    parts, total = [], 0
    while total < MOST_INFLATED:
        try:
            piece = read(1 << 16)
        except DAMAGE:
            break
        if not piece:
            break
        parts.append(piece)
        total += len(piece)
    return b''.join(parts)


def _why(error: BaseException, at: int) -> str:
    if isinstance(error, EndOfFile):
        return f'it ends in the middle of a record, at byte {at}'
    return f'damaged at byte {at}: {" ".join(str(error).split()) or type(error).__name__}'
