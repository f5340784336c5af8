"""Makes a whole bag of one that was cut, beside it; the original stays as it is."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from vla_eval.core.bags import room
from vla_eval.core.bags.definitions import Definition
from vla_eval.core.bags.qos import Offered
from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.writer import BagWriter
from vla_eval.core.errors import BagError


@dataclass(frozen=True)
class Repaired:
    """What became of a bag.

    Attributes:
        folder: The whole one.
        messages: How many were kept.
        seconds: From the first to the last of them.
        damage: What was wrong with the original, '' for nothing.
        lost_bytes: How much of it could not be read.
    """

    folder: Path
    messages: int
    seconds: float
    damage: str
    lost_bytes: int


def repaired_name(path: Path) -> Path:
    """Return where the whole bag of `path` will lie."""
    return path.with_name(f'{path.stem if path.is_file() else path.name}_repaired')


def repair(path: Path, force: bool = False) -> Repaired:
    """Write a whole bag of every whole message of `path`.

    Args:
        path: Folder or file.
        force: Replace a bag that was repaired before.

    Raises:
        BagError: there is nothing to repair, or no room for it.
    """
    path = path.absolute()
    target = repaired_name(path)
    room.free(target, force)
    beside = target.with_name(f'.{target.name}.partial')
    shutil.rmtree(beside, ignore_errors=True)
    try:
        result = _copy(Bag(path), beside / target.name)
        room.clear(target)
        (beside / target.name).rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Repaired(target, *result)


def _copy(bag: Bag, folder: Path) -> tuple[int, float, str, int]:
    writer = BagWriter(folder)
    known: set[str] = set()
    first_ns = last_ns = 0
    try:
        for message in bag.messages():
            if message.topic not in known:
                known.add(message.topic)
                kind = message.kind
                definition = bag.reading.definitions.get(kind, Definition(kind, ''))
                offered = _offered(bag.reading.qos.get(message.topic, ''))
                writer.add_topic(message.topic, definition, offered)
            first_ns = min(first_ns, message.log_ns) if writer.count else message.log_ns
            last_ns = max(last_ns, message.log_ns)
            times = message.log_ns, message.publish_ns
            writer.write(message.topic, message.data, *times, message.sequence)
        if not writer.count:
            why = f' ({bag.reading.damage})' if bag.reading.damage else ''
            raise BagError(f'{bag.path}: holds no whole message{why}')
        damage = bag.reading.damage or ('' if bag.whole else 'never finished')
        about = {**bag.reading.about, 'repaired': damage or 'was whole'}
        writer.note(**about)
        count = writer.count
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    return count, (last_ns - first_ns) / 1e9, damage, bag.reading.lost_bytes


def _offered(text: str) -> Offered:
    """Return what a publisher offered; reliable where it is not told."""
    try:
        profile = yaml.safe_load(text)[0]
        reliable = profile['reliability'] in ('reliable', 1)
        latched = profile['durability'] in ('transient_local', 1)
        return Offered(reliable, latched, max(1, int(profile['depth'])))
    except (yaml.YAMLError, TypeError, KeyError, IndexError, ValueError):
        return Offered()
