"""Bags: what is written is read by others, what is cut is read to its last whole message."""

import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap.reader import SeekingReader
from mcap_ros2.decoder import DecoderFactory
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Reader as RosbagsReader
from rosbags.rosbag2 import Writer as RosbagsWriter
from rosbags.typesys import Stores, get_typestore

from vla_eval.core.bags import metadata
from vla_eval.core.bags.decoder import Decoder
from vla_eval.core.bags.definitions import Definitions
from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.repair import repair
from vla_eval.core.bags.survey import check, survey
from vla_eval.core.bags.writer import BagWriter
from vla_eval.core.errors import BagError

SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND
MESSAGES = {
    'builtin_interfaces/Time': 'int32 sec\nuint32 nanosec\n',
    'std_msgs/Header': 'builtin_interfaces/Time stamp\nstring frame_id\n',
    'demo/Inner': '# one\nstd_msgs/Header header\nfloat64 value\n',
    'demo/Outer': (
        '# words\nstring IDLE="idle"\n\nstd_msgs/Header header  # when\nstring<=10 name\n'
        'float64[3] three\nInner[] many\nuint8[<=4] few\n'
    ),
    'demo/Lot': 'Inner[] many\n',
    'std_msgs/String': 'string data\n',
}
STORE = get_typestore(Stores.ROS2_JAZZY)


@pytest.fixture
def definitions(tmp_path: Path) -> Definitions:
    """Return definitions of packages that only this test has."""
    for name, text in MESSAGES.items():
        package, _, kind = name.partition('/')
        folder = tmp_path / 'prefix' / 'share' / package / 'msg'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'{kind}.msg').write_text(text)
    return Definitions({'AMENT_PREFIX_PATH': str(tmp_path / 'prefix')})


def stamped(stamp_ns: int, frame: str = 'map') -> bytes:
    """Return a serialised std_msgs/Header."""
    header = STORE.types['std_msgs/msg/Header']
    clock = STORE.types['builtin_interfaces/msg/Time']
    made = header(stamp=clock(*divmod(stamp_ns, SECOND)), frame_id=frame)
    return bytes(STORE.serialize_cdr(made, 'std_msgs/msg/Header'))


def words(text: str) -> bytes:
    """Return a serialised std_msgs/String."""
    kind = STORE.types['std_msgs/msg/String']
    return bytes(STORE.serialize_cdr(kind(data=text), 'std_msgs/msg/String'))


def write(folder: Path, definitions: Definitions, count: int, **options: object) -> BagWriter:
    """Return a bag under way, with messages on two topics every 10 ms, flushed every 0.25 s."""
    writer = BagWriter(folder, {'contract': 'robot: x'}, **options)  # type: ignore[arg-type]
    writer.add_topic('/words', definitions.of('std_msgs/msg/String'))
    writer.add_topic('/stamp', definitions.of('std_msgs/msg/Header'))
    for k in range(count):
        now_ns = START_NS + k * SECOND // 100
        if k % 2:
            writer.write('/words', words(f'message {k} ' + 'x' * (k % 97)), now_ns)
        else:
            writer.write('/stamp', stamped(now_ns - 5_000_000), now_ns)
        if k % 25 == 24:
            writer.flush()
    return writer


def only_file(folder: Path) -> Path:
    """Return the one MCAP of a bag."""
    (file,) = folder.glob('*.mcap')
    return file


def rewrite(folder: Path, data: bytes) -> Path:
    """Make a bag of one file with these bytes, as a recorder leaves it that was killed."""
    folder.mkdir()
    (folder / f'{folder.name}_0.mcap').write_bytes(data)
    return folder


def test_definitions_hold_all_that_a_type_refers_to(definitions: Definitions) -> None:
    text = definitions.of('demo/msg/Outer').text
    for name in ('demo/Inner', 'std_msgs/Header', 'builtin_interfaces/Time'):
        assert f'\nMSG: {name}\n' in text
    assert text.count('MSG: ') == 3


def test_a_definition_that_is_not_installed_is_named(definitions: Definitions) -> None:
    with pytest.raises(BagError, match='demo/msg/Absent'):
        definitions.of('demo/msg/Absent')


def test_stamps_are_found_in_serialised_messages(definitions: Definitions) -> None:
    stamp_ns = START_NS + 123_456_789
    assert definitions.of('std_msgs/msg/Header').stamp_at is None  # it has none: it is one
    outer = definitions.of('demo/msg/Outer')
    assert outer.stamp_ns(stamped(stamp_ns)) == stamp_ns
    many = stamped(stamp_ns)[:4] + struct.pack('<I', 1) + stamped(stamp_ns)[4:]
    assert definitions.of('demo/msg/Lot').stamp_ns(many) == stamp_ns
    assert definitions.of('std_msgs/msg/String').stamp_ns(words('long enough to hold')) is None


def test_other_readers_read_our_bag(definitions: Definitions, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    writer = write(folder, definitions, 100)
    writer.note(task='reach', seed='7')
    writer.close()
    factory, texts = DecoderFactory(), []
    with only_file(folder).open('rb') as stream:
        reader = SeekingReader(stream)
        assert reader.get_summary() is not None
        for schema, channel, message in reader.iter_messages():
            decode = factory.decoder_for(channel.message_encoding, schema)
            assert decode is not None
            value = decode(message.data)
            if channel.topic == '/words':
                texts.append(value.data.split()[1])
    assert texts == [str(k) for k in range(1, 100, 2)]
    with RosbagsReader(folder) as other:
        assert other.message_count == 100
        assert {c.topic: c.msgcount for c in other.connections} == {'/words': 50, '/stamp': 50}
        assert other.storage.metadata.custom['seed'] == '7'


def test_our_reader_returns_what_was_written(definitions: Definitions, tmp_path: Path) -> None:
    writer = write(tmp_path / 'bag', definitions, 200, compression='zstd', max_bytes=2000)
    writer.close()
    bag = Bag(tmp_path / 'bag')
    read = list(bag.messages())
    assert bag.whole
    assert len(bag.files) > 2  # rotated
    assert [m.log_ns for m in read] == [START_NS + k * SECOND // 100 for k in range(200)]
    assert read[1].data == words('message 1 x')
    assert bag.reading.about['contract'] == 'robot: x'
    value = Decoder(bag).decode(read[1])
    assert value.data == 'message 1 x'


@pytest.mark.parametrize('compression', ['none', 'zstd', 'lz4'])
def test_a_cut_bag_opens_up_to_its_last_whole_message(
    compression: str, definitions: Definitions, tmp_path: Path
) -> None:
    folder = tmp_path / 'bag'
    write(folder, definitions, 400, compression=compression).close()
    data = only_file(folder).read_bytes()
    whole = list(Bag(folder).messages())
    dice = random.Random(compression)
    kept_before = -1
    for k, cut in enumerate(sorted(dice.sample(range(200, len(data)), 40))):
        broken = rewrite(tmp_path / f'cut{k}', data[:cut])
        bag = Bag(broken)
        read = list(bag.messages())
        assert read == whole[: len(read)]  # the very beginning, and nothing torn
        assert len(read) >= kept_before  # more bytes, not fewer messages
        kept_before = len(read)
        assert bool(bag.reading.damage) or cut > len(data) - 9  # the last magic
        chunks = [m.log_ns for m in read]
        if read:
            result = repair(broken)
            assert result.messages == len(read)
            assert (broken / f'cut{k}_0.mcap').read_bytes() == data[:cut]
            assert not (broken / metadata.FILE).exists()
            with only_file(result.folder).open('rb') as stream:
                again = [m.log_time for _, _, m in SeekingReader(stream).iter_messages()]
            assert again == chunks
            assert Bag(result.folder).whole
    assert kept_before > 300


def test_uncompressed_chunks_are_read_to_the_byte(
    definitions: Definitions, tmp_path: Path
) -> None:
    """Every whole message counts, not every whole chunk: one is found at the end of the cut."""
    folder = tmp_path / 'bag'
    write(folder, definitions, 50).close()
    data = only_file(folder).read_bytes()
    message = words('message 33 ' + 'x' * 33)
    end = data.index(message) + len(message)
    read = list(Bag(rewrite(tmp_path / 'cut', data[:end])).messages())
    assert len(read) == 34
    assert len(list(Bag(rewrite(tmp_path / 'less', data[: end - 1])).messages())) == 33


def test_a_flipped_byte_costs_its_chunk(definitions: Definitions, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    write(folder, definitions, 200).close()
    data = bytearray(only_file(folder).read_bytes())
    at = data.index(words('message 101 xxxx')) + 12
    data[at] ^= 0xFF
    bag = Bag(rewrite(tmp_path / 'flipped', bytes(data)))
    assert len(list(bag.messages())) == 175
    assert 'damaged at byte' in bag.reading.damage


RECORDER = """
import sys, time
from pathlib import Path
from vla_eval.core.bags.definitions import Definition
from vla_eval.core.bags.writer import BagWriter
writer = BagWriter(Path(sys.argv[1]))
writer.add_topic('/words', Definition('std_msgs/msg/String', 'string data'))
last = time.monotonic()
while True:
    writer.write('/words', b'\\0\\1\\0\\0' + b'\\5\\0\\0\\0word\\0', time.time_ns())
    flushes = time.monotonic() - last > 0.25
    if flushes:
        writer.flush()
        last = time.monotonic()
    print('flushed' if flushes else '', flush=True)
"""


def test_kill_costs_less_than_a_second(tmp_path: Path) -> None:
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen(
        [sys.executable, '-c', RECORDER, tmp_path / 'bag'], stdout=subprocess.PIPE, env=env
    )
    assert process.stdout is not None
    for _ in range(3):
        while process.stdout.readline() != b'flushed\n':
            assert process.poll() is None
    for _ in range(random.Random(1).randrange(3000)):  # somewhere between two flushes
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    killed_ns = time.time_ns()
    process.wait()
    process.stdout.close()
    bag = Bag(tmp_path / 'bag')
    assert not bag.whole
    found = survey(bag)
    assert killed_ns - found.last_ns < SECOND
    assert survey(Bag(repair(tmp_path / 'bag').folder)).count == found.count


@pytest.mark.parametrize('version', [8, 9])
@pytest.mark.parametrize('plugin', [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
def test_bags_of_others_are_read(plugin: StoragePlugin, version: int, tmp_path: Path) -> None:
    with RosbagsWriter(tmp_path / 'bag', version=version, storage_plugin=plugin) as writer:
        topic = writer.add_connection('/words', 'std_msgs/msg/String', typestore=STORE)
        for k in range(10):
            writer.write(topic, START_NS + k, words(f'word {k}'))
    bag = Bag(tmp_path / 'bag')
    decoder = Decoder(bag)
    assert [decoder.decode(m).data for m in bag.messages()] == [f'word {k}' for k in range(10)]
    assert bag.whole


@pytest.mark.parametrize('mode', [CompressionMode.FILE, CompressionMode.MESSAGE])
@pytest.mark.parametrize('plugin', [StoragePlugin.SQLITE3, StoragePlugin.MCAP])
def test_packed_bags_of_others_are_read(
    plugin: StoragePlugin, mode: CompressionMode, tmp_path: Path
) -> None:
    writer = RosbagsWriter(tmp_path / 'bag', version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        texts = writer.add_connection('/words', 'std_msgs/msg/String', typestore=STORE)
        stamps = writer.add_connection('/stamp', 'geometry_msgs/msg/PointStamped', typestore=STORE)
        for k in range(10):
            writer.write(texts, START_NS + k, words(f'word {k}'))
            point = stamped(START_NS - 5 - k) + bytes(24)
            writer.write(stamps, START_NS + k, point)
    bag = Bag(tmp_path / 'bag')
    decoder = Decoder(bag)
    read = [decoder.decode(m).data for m in bag.messages(['/words'])]
    assert read == [f'word {k}' for k in range(10)]
    if plugin == StoragePlugin.SQLITE3:  # it keeps no publish times: the headers say
        published = [m.publish_ns for m in bag.messages(['/stamp'])]
        assert published == [START_NS - 5 - k for k in range(10)]
    assert repair(tmp_path / 'bag').messages == 20


def test_packed_bags_that_are_damaged_are_told(tmp_path: Path) -> None:
    writer = RosbagsWriter(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP)
    writer.set_compression(CompressionMode.FILE, CompressionFormat.ZSTD)
    with writer:
        topic = writer.add_connection('/words', 'std_msgs/msg/String', typestore=STORE)
        writer.write(topic, START_NS, words('word'))
    (file,) = (tmp_path / 'bag').glob('*.zstd')
    file.write_bytes(b'noise' + file.read_bytes()[5:])
    with pytest.raises(BagError, match='cannot be unpacked'):
        survey(Bag(tmp_path / 'bag'))
    about = tmp_path / 'bag' / metadata.FILE
    about.write_text(about.read_text().replace('zstd', 'brotli', 1))
    with pytest.raises(BagError, match='file or message with zstd is read'):
        Bag(tmp_path / 'bag')


def test_humble_bags_have_no_definitions(tmp_path: Path) -> None:
    """Humble: metadata of version 5, sqlite3 without definitions; standard types are known."""
    folder = tmp_path / 'humble'
    folder.mkdir()
    with sqlite3.connect(folder / 'humble_0.db3') as base:
        base.executescript(
            'CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);'
            "INSERT INTO schema VALUES (3, 'humble');"
            'CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT,'
            ' serialization_format TEXT, offered_qos_profiles TEXT);'
            'CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER,'
            ' data BLOB);'
            "INSERT INTO topics VALUES (1, '/words', 'std_msgs/msg/String', 'cdr', '');"
            "INSERT INTO topics VALUES (2, '/own', 'own/msg/Type', 'cdr', '');"
        )
        rows = [(k + 1, 1, START_NS + k, words(f'word {k}')) for k in range(3)]
        base.executemany('INSERT INTO messages VALUES (?, ?, ?, ?)', rows)
        base.execute('INSERT INTO messages VALUES (9, 2, ?, ?)', (START_NS + 9, words('?')))
    base.close()
    about = {
        'version': 5,
        'storage_identifier': 'sqlite3',
        'relative_file_paths': ['humble_0.db3'],
        'compression_format': '',
        'compression_mode': '',
    }
    (folder / metadata.FILE).write_text(yaml.safe_dump({metadata.TOP: about}))
    bag = Bag(folder)
    *standard, own = bag.messages()
    decoder = Decoder(bag)
    assert [decoder.decode(m).data for m in standard] == ['word 0', 'word 1', 'word 2']
    with pytest.raises(BagError, match='definition of own/msg/Type is missing'):
        decoder.decode(own)


def bag_of(tmp_path: Path, definitions: Definitions, stamps: list[tuple[str, int, int]]) -> Bag:
    """Return a bag of headers: (topic, log time, publish time)."""
    writer = BagWriter(tmp_path / 'bag')
    for topic in dict.fromkeys(topic for topic, _, _ in stamps):
        writer.add_topic(topic, definitions.of('std_msgs/msg/Header'))
    for topic, log_ns, publish_ns in stamps:
        writer.write(topic, stamped(publish_ns), log_ns, publish_ns)
    writer.close()
    return Bag(tmp_path / 'bag')


HEADERS = {'/a': 'std_msgs/msg/Header', '/b': 'std_msgs/msg/Header'}


def test_a_good_bag_passes(tmp_path: Path, definitions: Definitions) -> None:
    ticks = [START_NS + k * SECOND for k in range(10)]
    bag = bag_of(tmp_path, definitions, [(t, ns, ns) for ns in ticks for t in ('/a', '/b')])
    check(bag, survey(bag), HEADERS)


@pytest.mark.parametrize(
    ('streams', 'problem'),
    [
        ([('/a', START_NS, START_NS)], r'nothing of /b \(std_msgs/msg/Header\)'),
        (
            [('/b', START_NS, START_NS)]
            + [('/a', START_NS + k * SECOND, START_NS + s * SECOND) for k, s in [(1, 9), (2, 1)]],
            'time goes back by 8.0 s',
        ),
        (
            [('/a', START_NS + 9 * SECOND, START_NS), ('/b', START_NS, START_NS)],
            'time goes back by 9.0 s',
        ),
        ([('/a', START_NS, 5 * SECOND), ('/b', START_NS, START_NS)], 'two clocks: /b'),
    ],
)
def test_bags_that_cannot_be_played(
    streams: list[tuple[str, int, int]], problem: str, tmp_path: Path, definitions: Definitions
) -> None:
    bag = bag_of(tmp_path, definitions, streams)
    with pytest.raises(BagError, match=problem):
        check(bag, survey(bag), HEADERS)


def test_wrong_types_are_named(tmp_path: Path, definitions: Definitions) -> None:
    bag = bag_of(tmp_path, definitions, [('/a', START_NS, START_NS)])
    with pytest.raises(BagError, match='/a is std_msgs/msg/Header, std_msgs/msg/String expected'):
        check(bag, survey(bag), {'/a': 'std_msgs/msg/String'})


def test_a_torn_message_is_named(tmp_path: Path, definitions: Definitions) -> None:
    writer = BagWriter(tmp_path / 'bag')
    writer.add_topic('/words', definitions.of('std_msgs/msg/String'))
    writer.write('/words', words('a long text')[:10], START_NS)
    writer.close()
    bag = Bag(tmp_path / 'bag')
    (message,) = bag.messages()
    with pytest.raises(BagError, match='not a std_msgs/msg/String'):
        Decoder(bag).decode(message)


MAGIC = b'\x89MCAP0\r\n'
HUGE_CHUNK = struct.pack('<QQQII', 0, 1, 1 << 40, 0, 0) + struct.pack('<Q', 4) + b'xxxx'


@pytest.mark.parametrize(
    ('name', 'data'),
    [
        ('empty.mcap', b''),
        ('noise.mcap', np.random.default_rng(1).bytes(5000)),
        ('text.mcap', b'this is no bag\n'),
        ('magic.mcap', MAGIC),
        ('record.mcap', MAGIC + b'\x05' + (1 << 40).to_bytes(8, 'little') + b'x' * 100),
        ('chunk.mcap', MAGIC + b'\x06' + len(HUGE_CHUNK).to_bytes(8, 'little') + HUGE_CHUNK),
        ('schema.mcap', MAGIC + b'\x03' + struct.pack('<QHI', 6, 1, 0xFFFFFFFF)),
        ('noise.db3', np.random.default_rng(2).bytes(5000)),
        ('half.db3', b'SQLite format 3\x00' + b'\x00' * 500),
        ('other.bag', b'#ROSBAG V2.0\n'),
    ],
)
def test_what_is_no_bag_is_refused_in_one_line(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BagError) as refusal:
        survey(Bag(tmp_path / name))
    assert name in str(refusal.value)
    assert '\n' not in str(refusal.value)
    with pytest.raises(BagError):
        repair(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_folders_that_are_no_bag(tmp_path: Path) -> None:
    with pytest.raises(BagError, match='no such bag'):
        Bag(tmp_path / 'missing')
    (tmp_path / 'nothing').mkdir()
    with pytest.raises(BagError, match='neither metadata.yaml nor'):
        Bag(tmp_path / 'nothing')
    file = tmp_path / 'nothing' / metadata.FILE
    for text in ('', 'x: 1', '{', f'{metadata.TOP}: 3'):
        file.write_text(text)
        with pytest.raises(BagError, match='not the metadata of a bag'):
            Bag(tmp_path / 'nothing')


def test_nothing_is_overwritten(definitions: Definitions, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    write(folder, definitions, 10).close()
    with pytest.raises(BagError, match='holds a bag already'):
        BagWriter(folder)
    first = repair(folder)
    with pytest.raises(BagError, match='there already'):
        repair(folder)
    shutil.rmtree(first.folder)
    assert repair(folder).messages == 10
    assert repair(folder, force=True).messages == 10


def test_what_is_no_bag_is_never_replaced(definitions: Definitions, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    write(folder, definitions, 10).close()
    made = repair(folder).folder
    (made / 'notes.txt').write_text('mine')
    with pytest.raises(BagError, match='something else than a bag'):
        repair(folder, force=True)
    assert (made / 'notes.txt').read_text() == 'mine'
    assert survey(Bag(made)).count == 10
    shutil.rmtree(made)
    made.write_text('a file')
    with pytest.raises(BagError, match='something else than a bag'):
        repair(folder, force=True)
    assert made.read_text() == 'a file'


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(BagError, match='cannot be written'):
        BagWriter(tmp_path / 'file' / 'bag')


def test_a_full_disk_is_told_and_leaves_what_was_flushed(
    definitions: Definitions, tmp_path: Path
) -> None:
    """A limit on the size of files stands for the disk: the write that passes it fails."""
    script = (
        'import resource, signal, sys\n'
        'from pathlib import Path\n'
        'from vla_eval.core.bags.definitions import Definition\n'
        'from vla_eval.core.bags.writer import BagWriter\n'
        'from vla_eval.core.errors import BagError\n'
        'signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n'
        'resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n'
        'writer = BagWriter(Path(sys.argv[1]))\n'
        "writer.add_topic('/x', Definition('std_msgs/msg/String', 'string data'))\n"
        'try:\n'
        '    for k in range(1000):\n'
        "        writer.write('/x', bytes(1000), k)\n"
        '        writer.flush()\n'
        'except BagError as error:\n'
        '    print(error)\n'
        '    writer.abandon()\n'
    )
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, '-c', script, tmp_path / 'bag'], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stderr
    assert 'cannot be written (file too large)' in done.stdout
    assert len(done.stdout.splitlines()) == 1
    read = list(Bag(tmp_path / 'bag').messages())
    assert len(read) > 100
    assert all(a.log_ns + 1 == b.log_ns for a, b in pairwise(read))
