"""Writes a bag in place, so that whatever ends the process costs the last moment only.

Messages are gathered in chunks; `flush` ends the chunk under way and hands it to the kernel, and a
thread has it written to the disk. metadata.yaml comes last: where it lies, the bag is whole.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

import yaml
from mcap.writer import CompressionType, Writer

from vla_eval.core.bags import metadata, room
from vla_eval.core.bags.definitions import Definition
from vla_eval.core.bags.metadata import FileTotals, TopicTotals
from vla_eval.core.bags.qos import Offered
from vla_eval.core.errors import BagError

ABOUT = 'vla'  # name of the MCAP metadata records that hold what the recorder knows
COMPRESSIONS = {
    'none': CompressionType.NONE,
    'lz4': CompressionType.LZ4,
    'zstd': CompressionType.ZSTD,
}
CHUNK = 512 << 10  # bytes: a 640x480 picture is a chunk of its own, and copied once less
LARGEST = 2 << 30  # bytes of one file, before the next is begun


class BagWriter:
    """One bag under way; no thread beside the caller's may use it.

    Args:
        folder: Of the bag; made, and refused where a bag lies there already.
        about: What is known of it: contract, checkpoint, versions. Strings, kept with the bag.
        max_bytes: Size above which the next file of the bag is begun.
        compression: `none`, `lz4` or `zstd`.
        force: Replace a bag that lies there.

    Raises:
        BagError: the folder cannot be written, or holds a bag.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, str] | None = None,
        max_bytes: int = LARGEST,
        compression: str = 'none',
        force: bool = False,
    ):
        self.folder = folder
        self.about: dict[str, str] = dict(about or {})
        self._max_bytes = max_bytes
        self._compression = COMPRESSIONS[compression]
        self._topics: dict[str, TopicTotals] = {}
        self._definitions: dict[str, Definition] = {}
        self._files: list[FileTotals] = []
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}
        self._disk = ThreadPoolExecutor(1, thread_name_prefix='bag')
        self._synced: Future[None] | None = None
        self._stream: IO[bytes] | None = None
        with self._told():
            folder.mkdir(parents=True, exist_ok=True)
            if not force and room.held(folder):
                raise BagError(f'{folder}: holds a bag already; name another folder')
            room.clear(folder)
            self._begin_file()

    @property
    def count(self) -> int:
        """Messages written so far."""
        return sum(file.count for file in self._files)

    def add_topic(self, name: str, definition: Definition, offered: Offered | None = None) -> None:
        """Announce a topic; `write` takes messages of announced topics only."""
        qos = (offered or Offered()).document()
        self._topics[name] = TopicTotals(name, definition.kind, definition.digest, qos)
        self._definitions[name] = definition

    def write(
        self,
        topic: str,
        data: bytes,
        log_ns: int,
        publish_ns: int | None = None,
        sequence: int = 0,
    ) -> None:
        """Add a serialised message.

        Args:
            topic: Its topic.
            data: As it came.
            log_ns: When it came, by the recorder's clock.
            publish_ns: When it was sent; None for its header's stamp, `log_ns` without one.
            sequence: Count of the publisher, where there is one.

        Raises:
            BagError: the disk is full, or gone.
        """
        if publish_ns is None:
            publish_ns = self._definitions[topic].stamp_ns(data) or log_ns
        with self._told():
            if self._stream is not None and self._stream.tell() > self._max_bytes:
                self._end_file()
                self._begin_file()
            channel = self._channel(topic)
            self._writer.add_message(channel, log_ns, data, publish_ns, sequence)
        self._topics[topic].count += 1
        self._files[-1].add(log_ns)

    def note(self, **about: str) -> None:
        """Keep more about the bag; what a crash leaves says it too."""
        changed = {key: value for key, value in about.items() if self.about.get(key) != value}
        self.about.update(changed)
        if changed:
            with self._told():
                self._writer.add_metadata(ABOUT, changed)

    def flush(self) -> None:
        """Hand over what was gathered; call it every quarter of a second.

        Raises:
            BagError: the disk is full, or gone.
        """
        with self._told():
            self._writer.flush()
            if self._synced is not None and self._synced.done():
                self._synced.result()
                self._synced = None
            if self._synced is None and self._stream is not None:
                self._synced = self._disk.submit(os.fdatasync, self._stream.fileno())

    def close(self) -> None:
        """Make the bag whole.

        Raises:
            BagError: the disk is full, or gone; what was flushed stays readable.
        """
        with self._told():
            self._end_file()
            topics = list(self._topics.values())
            metadata.write(self.folder, self._files, topics, self.about)
        self._disk.shutdown()

    def abandon(self) -> None:
        """Let go of a bag that cannot be finished; `repair` makes it whole later."""
        self._disk.shutdown()
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

    def _begin_file(self) -> None:
        name = f'{self.folder.name}_{len(self._files)}.mcap'
        self._stream = (self.folder / name).open('xb')
        self._writer = Writer(self._stream, CHUNK, self._compression)
        self._writer.start(profile='ros2', library='vla_eval')
        self._files.append(FileTotals(name))
        self._channels, self._schemas = {}, {}
        if self.about:
            self._writer.add_metadata(ABOUT, self.about)
        self._writer.flush()

    def _end_file(self) -> None:
        if self._stream is None:
            return
        self._writer.finish()
        if self._synced is not None:
            self._synced.result()
            self._synced = None
        self._stream.flush()
        os.fdatasync(self._stream.fileno())
        self._stream.close()
        self._stream = None

    def _channel(self, topic: str) -> int:
        if topic not in self._channels:
            definition, totals = self._definitions[topic], self._topics[topic]
            kind = definition.kind
            if kind not in self._schemas:
                text = definition.text.encode()
                self._schemas[kind] = self._writer.register_schema(kind, 'ros2msg', text)
            about = {
                'offered_qos_profiles': yaml.safe_dump(totals.qos, sort_keys=False),
                'topic_type_hash': totals.digest,
            }
            schema = self._schemas[kind]
            self._channels[topic] = self._writer.register_channel(topic, 'cdr', schema, about)
        return self._channels[topic]

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the system refuses into one line."""
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise BagError(f'{self.folder}: the bag cannot be written ({reason})') from None
