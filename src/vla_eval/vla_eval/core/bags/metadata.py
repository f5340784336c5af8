"""metadata.yaml of a bag: what `ros2 bag` reads, and what the suite adds under `custom_data`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vla_eval.core.bags import packed
from vla_eval.core.errors import BagError

LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)  # ten times faster where it is built
FILE = 'metadata.yaml'
TOP = 'rosbag2_bagfile_information'
NEWEST = 9  # of ROS 2 Jazzy; Humble writes 5
STORAGES = {'mcap': '.mcap', 'sqlite3': '.db3'}


@dataclass
class FileTotals:
    """One file of a bag; times are log times in ns."""

    name: str
    count: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def add(self, log_ns: int) -> None:
        """Count a message."""
        self.first_ns = min(self.first_ns, log_ns) if self.count else log_ns
        self.last_ns = max(self.last_ns, log_ns)
        self.count += 1


@dataclass
class TopicTotals:
    """One topic of a bag."""

    name: str
    kind: str
    digest: str = ''
    qos: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0


@dataclass(frozen=True)
class Metadata:
    """What a metadata.yaml says.

    Attributes:
        storage: `mcap` or `sqlite3`.
        files: Names of the bag's files, in their order.
        about: What the recorder noted: `custom_data`.
        packed: What is compressed: `file`, `message`, '' for nothing.
        digests: Type -> its type hash, where it is told.
    """

    storage: str
    files: tuple[str, ...]
    about: Mapping[str, str]
    packed: str = ''
    digests: Mapping[str, str] = field(default_factory=dict)


def write(
    folder: Path,
    files: Sequence[FileTotals],
    topics: Sequence[TopicTotals],
    about: Mapping[str, str],
) -> None:
    """Write metadata.yaml of an MCAP bag, beside and renamed: there it marks the bag as whole."""
    held = [f for f in files if f.count]
    first_ns = min((f.first_ns for f in held), default=0)
    last_ns = max((f.last_ns for f in held), default=0)
    document = {
        'version': NEWEST,
        'storage_identifier': 'mcap',
        'duration': {'nanoseconds': last_ns - first_ns},
        'starting_time': {'nanoseconds_since_epoch': first_ns},
        'message_count': sum(f.count for f in files),
        'topics_with_message_count': [
            {
                'topic_metadata': {
                    'name': t.name,
                    'type': t.kind,
                    'serialization_format': 'cdr',
                    'offered_qos_profiles': t.qos,
                    'type_description_hash': t.digest,
                },
                'message_count': t.count,
            }
            for t in topics
        ],
        'compression_format': '',
        'compression_mode': '',
        'relative_file_paths': [f.name for f in files],
        'files': [
            {
                'path': f.name,
                'starting_time': {'nanoseconds_since_epoch': f.first_ns},
                'duration': {'nanoseconds': f.last_ns - f.first_ns},
                'message_count': f.count,
            }
            for f in files
        ],
        'custom_data': dict(about),
        'ros_distro': 'jazzy',
    }
    beside = folder / f'{FILE}.partial'
    text = yaml.safe_dump({TOP: document}, sort_keys=False, allow_unicode=True)
    with beside.open('w', encoding='utf-8') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # or a crash may leave the name without the text
    beside.replace(folder / FILE)
    names = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(names)
    finally:
        os.close(names)


def read(folder: Path) -> Metadata | None:
    """Return what the folder's metadata.yaml says, None where there is none.

    Raises:
        BagError: it is not what a bag's is.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        document = yaml.load(file.read_text(encoding='utf-8'), LOADER)[TOP]
        version, storage = document['version'], document['storage_identifier']
        files = tuple(Path(str(name)).name for name in document['relative_file_paths'])
        mode = str(document.get('compression_mode') or 'none').lower()
        packing = str(document.get('compression_format') or '')
        about = document.get('custom_data') or {}
        kept = {str(key): str(value) for key, value in about.items()}
        digests = _digests(document.get('topics_with_message_count') or [])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise BagError(
            f'{file}: not the metadata of a bag ({_one_line(error)}); without this file the bag '
            'is read from its messages alone'
        ) from None
    if not isinstance(version, int) or version > NEWEST:
        raise BagError(f'{file}: version {version} is newer than {NEWEST}, which is read here')
    if storage not in STORAGES:
        raise BagError(f'{file}: storage {storage!r}: one of {", ".join(STORAGES)} expected')
    if mode in ('none', 'storage'):
        return Metadata(storage, files, kept, digests=digests)
    if mode not in (packed.FILES, packed.MESSAGES) or packing != packed.FORMAT:
        raise BagError(
            f'{file}: compressed by {mode} with {packing or "nothing"}: {packed.FILES} or '
            f'{packed.MESSAGES} with {packed.FORMAT} is read; `ros2 bag convert` it'
        )
    return Metadata(storage, files, kept, mode, digests)


def _digests(topics: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    told = (topic['topic_metadata'] for topic in topics)
    hashes = ((str(one['type']), one.get('type_description_hash')) for one in told)
    return {kind: str(digest) for kind, digest in hashes if digest}


def _one_line(error: BaseException) -> str:
    return f'{type(error).__name__}: {" ".join(str(error).split())}'
