"""Opens a bag, whoever recorded it: a folder or one file, MCAP or sqlite3, whole or cut."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from vla_eval.core.bags import mcap_file, metadata, packed, sqlite_file
from vla_eval.core.bags.values import Message, Reading
from vla_eval.core.errors import BagError

READERS = {'.mcap': mcap_file.messages, '.db3': sqlite_file.messages}
NAMES = ' or '.join(f'*{suffix}' for suffix in READERS)


class Bag:
    """A bag that lies on the disk.

    Attributes:
        path: As it was given.
        files: What holds its messages, in their order.
        whole: Whether its recorder finished it (metadata.yaml is there).
        reading: What the last `messages` came upon: damage, definitions, what was noted.

    Args:
        path: Folder, or one file.

    Raises:
        BagError: it is not a bag.
    """

    def __init__(self, path: Path):
        self.path = path
        self._metadata = metadata.read(path) if path.is_dir() else None
        self.whole = self._metadata is not None
        self.files = self._files()
        self.reading = Reading()

    def messages(self, topics: Collection[str] | None = None) -> Iterator[Message]:
        """Yield the messages in the order in which they were written, of some topics or of all.

        Raises:
            BagError: a file is not a bag's.
        """
        self.reading = Reading()
        if self._metadata is not None:
            self.reading.about.update(self._metadata.about)
            self.reading.digests.update(self._metadata.digests)
        for file in self.files:
            with packed.unpacked(file) as plain:
                for message in READERS[plain.suffix](plain, self.reading):
                    if topics is None or message.topic in topics:
                        yield self._plain(message, plain)

    def _plain(self, message: Message, file: Path) -> Message:
        if self._metadata is None or self._metadata.packed != packed.MESSAGES:
            return message
        return packed.message(message, self.reading, stamped=file.suffix == '.mcap')

    def _files(self) -> tuple[Path, ...]:
        path = self.path
        if not path.exists():
            raise BagError(f'{path}: there is no such bag')
        if path.is_file():
            if _storage(path) not in READERS:
                raise BagError(f'{path}: not a bag: a folder with {metadata.FILE}, {NAMES}')
            return (path,)
        if self._metadata is not None:
            files = tuple(path / name for name in self._metadata.files)
            missing = [file.name for file in files if not file.is_file()]
            if missing:
                raise BagError(f'{path}: {metadata.FILE} names {missing[0]}, which is not there')
            wrong = [file.name for file in files if _storage(file) not in READERS]
            if wrong:
                raise BagError(f'{path}: {metadata.FILE} names {wrong[0]}: {NAMES} expected')
        else:
            ends = [f'{s}{end}' for s in READERS for end in ('', packed.SUFFIX)]
            found = [file for end in ends for file in path.glob(f'*{end}')]
            files = tuple(sorted(found, key=_natural))
        if not files:
            raise BagError(f'{path}: not a bag: it holds neither {metadata.FILE} nor {NAMES}')
        return files


def _storage(file: Path) -> str:
    """Return the suffix that says how a file is stored, packed or not."""
    return Path(file.stem).suffix if file.suffix == packed.SUFFIX else file.suffix


def _natural(file: Path) -> list[tuple[int, str]]:
    """Order `bag_2` before `bag_10`."""
    return [(int(p), '') if p.isdigit() else (-1, p) for p in re.split(r'(\d+)', file.name)]
