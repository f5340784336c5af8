"""Bags to LeRobotDataset v3.0 and back; read by LeRobot itself where its environment is there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from vla_core.contract import load
from vla_eval.bench._bags.made import BEGIN_NS, Made, Script, joints, picture
from vla_eval.core.bags.decoder import Decoder
from vla_eval.core.bags.encoder import Encoder, header
from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.tape import Tape
from vla_eval.core.bags.writer import BagWriter
from vla_eval.core.errors import BagError, DatasetFormatError
from vla_eval.core.lerobot.assembly import assemble
from vla_eval.core.lerobot.dataset import LerobotDataset
from vla_eval.core.lerobot.frames import Frames
from vla_eval.core.lerobot.to_bag import write_bag
from vla_eval.core.lerobot.to_dataset import Conversion
from vla_eval.core.lerobot.unit import Unit

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
WORDS = ((2.0, 'reach the red block'), (0.5, ''), (3.0, 'push the blue one left'))
PEER = ROOT / '.vla' / 'peers' / 'lerobot'
READER = Path(__file__).with_name('lerobot_reader.py')
LEAST_PSNR = 30.0  # dB; smooth pictures with grain, at the codec's settings


@pytest.fixture(scope='module')
def bag(tmp_path_factory) -> Path:
    """Return a bag of two episodes, 20 and 30 frames, with silence between them."""
    folder = tmp_path_factory.mktemp('bags') / 'bag'
    Made(folder, CONTRACT, Script(words=WORDS)).write()
    return folder


@pytest.fixture(scope='module')
def dataset(bag, tmp_path_factory) -> Path:
    """Return that bag as a dataset."""
    folder = tmp_path_factory.mktemp('sets') / 'set'
    Conversion([bag], CONTRACT, folder).run()
    return folder


def expected(begin_s: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return states and actions of `count` frames, as the script has them."""
    times = begin_s + np.arange(count) / 10
    order = [CONTRACT.state.names.index(name) for name in CONTRACT.output.joints]
    states = np.array([joints(CONTRACT, t) for t in times])
    actions = np.array([joints(CONTRACT, t + 0.05)[order] for t in times])
    return states.astype(np.float32), actions.astype(np.float32)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Return how alike pictures of 0..255 are, dB."""
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


def test_what_the_script_did_is_in_the_dataset(dataset):
    found = LerobotDataset(dataset)
    found.check(CONTRACT)
    assert found.fps == 10
    assert [e.length for e in found.episodes] == [20, 30]
    assert found.tasks == ('reach the red block', 'push the blue one left')
    for episode, begin_s in zip(found.episodes, (0.0, 2.5), strict=True):
        rows = found.rows(episode)
        states, actions = expected(begin_s, episode.length)
        np.testing.assert_array_equal(rows['observation.state'].astype(np.float32), states)
        np.testing.assert_array_equal(rows['action'].astype(np.float32), actions)
        begin_ns = BEGIN_NS + round(begin_s * 1e9)
        assert rows['vla.stamps'][:, 0].tolist() == [
            begin_ns + k * 10**8 for k in range(episode.length)
        ]
        for key, camera in CONTRACT.cameras.items():
            for k, image in enumerate(found.pictures(episode, key)):
                true = picture(camera.width, camera.height, round(begin_s * 10) + k)
                assert psnr(image, true) > LEAST_PSNR


def test_statistics_are_those_of_the_numbers(dataset):
    said = json.loads((dataset / 'meta' / 'stats.json').read_text())
    states = np.concatenate([expected(0.0, 20)[0], expected(2.5, 30)[0]]).astype(float)
    np.testing.assert_allclose(said['observation.state']['mean'], states.mean(0))
    np.testing.assert_allclose(said['observation.state']['q10'], np.quantile(states, 0.1, 0))
    assert said['action']['count'] == [50]
    shown = [picture(96, 96, k) for k in [*range(20), *range(25, 55)]]
    values = np.stack(shown)[:, ::4, ::4].reshape(-1, 3) / 255
    of_camera = said['observation.images.scene']
    for name, value in (('mean', values.mean(0)), ('std', values.std(0)), ('max', values.max(0))):
        np.testing.assert_allclose(np.array(of_camera[name]).ravel(), value)
    median = np.quantile(values, 0.5, 0, method='lower')
    np.testing.assert_allclose(np.array(of_camera['q50']).ravel(), median)
    assert np.shape(of_camera['q50']) == (3, 1, 1)


def test_back_and_forth_keeps_states_and_actions(dataset, tmp_path):
    write_bag(LerobotDataset(dataset), CONTRACT, tmp_path / 'bag')
    assert Bag(tmp_path / 'bag').whole
    Conversion([tmp_path / 'bag'], CONTRACT, tmp_path / 'set').run()
    first, second = LerobotDataset(dataset), LerobotDataset(tmp_path / 'set')
    assert second.tasks == first.tasks
    for a, b in zip(first.episodes, second.episodes, strict=True):
        before, after = first.rows(a), second.rows(b)
        assert before.keys() == after.keys()
        for name in before.keys() - {'vla.poses', 'vla.optics'}:
            np.testing.assert_array_equal(after[name], before[name], err_msg=name)
        np.testing.assert_allclose(after['vla.poses'], before['vla.poses'], atol=1e-6)
        for key in CONTRACT.cameras:
            pairs = zip(first.pictures(a, key), second.pictures(b, key), strict=True)
            assert min(psnr(x, y) for x, y in pairs) > LEAST_PSNR


def test_a_bag_is_not_put_where_something_else_lies(dataset, tmp_path):
    out = tmp_path / 'back'
    write_bag(LerobotDataset(dataset), CONTRACT, out)
    (out / 'notes.txt').write_text('mine')
    with pytest.raises(BagError, match='something else than a bag'):
        write_bag(LerobotDataset(dataset), CONTRACT, out, force=True)
    assert sum(1 for _ in Bag(out).messages()) > 0
    (tmp_path / 'file').write_text('mine')
    with pytest.raises(BagError, match='something else than a bag'):
        write_bag(LerobotDataset(dataset), CONTRACT, tmp_path / 'file', force=True)


def test_files_end_where_they_are_full(dataset, bag, tmp_path):
    Conversion([bag], CONTRACT, tmp_path / 'set').run()
    work = tmp_path / 'units'
    shutil.copytree(tmp_path / 'set', tmp_path / 'copy')
    units = _units(bag, work)
    many = tmp_path / 'many'
    many.mkdir()
    assemble(units, CONTRACT, many, {}, data_mb=1e-6, video_mb=1e-6)
    assert len(list(many.glob('data/*/*.parquet'))) == 2
    assert len(list(many.glob('videos/*/*/*.mp4'))) == 4
    one, two = LerobotDataset(dataset), LerobotDataset(many)
    for a, b in zip(one.episodes, two.episodes, strict=True):
        for x, y in zip(one.pictures(a, 'scene'), two.pictures(b, 'scene'), strict=True):
            np.testing.assert_array_equal(x, y)  # joined or alone: not encoded again


def _units(bag: Path, work: Path) -> list[Unit]:
    """Return the episodes of a bag before they are joined."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('vla_eval.core.lerobot.to_dataset.assemble', _stop)
        with pytest.raises(KeyboardInterrupt):
            Conversion([bag], CONTRACT, work).run()
    folders = sorted((work.with_name(f'.{work.name}.partial') / 'episodes').iterdir())
    return [Unit.read(folder) for folder in folders]


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


SCRIPT = """
import sys
from pathlib import Path
from vla_core.contract import load
from vla_eval.core.lerobot.to_dataset import Conversion
contract, bag, out = sys.argv[1:]
Conversion([Path(bag)], load(contract), Path(out)).run()
"""


@pytest.mark.timeout(180)
def test_a_killed_conversion_goes_on_where_it_was(tmp_path):
    many = tuple((1.5, f'reach the {color} block') for color in ('red', 'green', 'blue', 'red'))
    Made(tmp_path / 'bag', CONTRACT, Script(words=many)).write()
    out, work = tmp_path / 'set', tmp_path / '.set.partial'
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(p for p in sys.path if p)}
    words = [ROOT / 'config' / 'robots' / 'tabletop.yaml', tmp_path / 'bag', out]
    process = subprocess.Popen([sys.executable, '-c', SCRIPT, *words], env=env)
    deadline = time.monotonic() + 60
    first = work / 'episodes' / '00000-00000'
    while not first.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    first_note = (first / 'episode.json').read_text()
    done = Conversion([tmp_path / 'bag'], CONTRACT, out).run()
    assert done.resumed >= 1
    assert (done.episodes, done.frames) == (4, 60)
    assert not work.exists()
    begin_ns = json.loads((out / 'meta' / 'vla.json').read_text())['episodes'][0]['begin_ns']
    assert begin_ns == json.loads(first_note)['about']['begin_ns']
    Conversion([tmp_path / 'bag'], CONTRACT, tmp_path / 'whole').run()
    for name in ('data', 'meta/episodes'):
        file = Path(name) / 'chunk-000' / 'file-000.parquet'
        assert pq.read_table(out / file).equals(pq.read_table(tmp_path / 'whole' / file))


@pytest.mark.timeout(120)
def test_processes_change_nothing(bag, dataset, tmp_path):
    Conversion([bag, bag], CONTRACT, tmp_path / 'one').run()
    Conversion([bag, bag], CONTRACT, tmp_path / 'two', workers=2).run()
    for name in ('data', 'meta/episodes'):
        file = Path(name) / 'chunk-000' / 'file-000.parquet'
        one = pq.read_table(tmp_path / 'one' / file)
        assert one.equals(pq.read_table(tmp_path / 'two' / file))
    assert len(LerobotDataset(tmp_path / 'two').episodes) == 4


def test_another_conversion_is_not_gone_on_with(bag, tmp_path):
    _units(bag, tmp_path / 'set')
    with pytest.raises(DatasetFormatError, match='other task was begun there'):
        Conversion([bag], CONTRACT, tmp_path / 'set', task='wave').run()
    Conversion([bag], CONTRACT, tmp_path / 'set', task='wave').run(force=True)
    assert LerobotDataset(tmp_path / 'set').tasks == ('wave',)
    with pytest.raises(DatasetFormatError, match='holds a dataset'):
        Conversion([bag], CONTRACT, tmp_path / 'set').run()


def test_a_gap_begins_the_next_episode(bag, tmp_path):
    """Nothing is repeated: where pictures are missing, frames would not follow each other."""
    source, kept = Bag(bag), []
    for message in source.messages():
        late = message.log_ns - BEGIN_NS
        if 'image_raw' in message.topic and 1.0e9 < late < 1.35e9:
            continue
        kept.append(message)
    writer, known = BagWriter(tmp_path / 'bag'), set()
    for m in kept:
        if m.topic not in known:
            known.add(m.topic)
            writer.add_topic(m.topic, source.reading.definitions[m.kind])
        writer.write(m.topic, m.data, m.log_ns, m.publish_ns)
    writer.close()
    frames = list(Frames(Tape(tmp_path / 'bag', CONTRACT), CONTRACT))
    assert [k for k, frame in enumerate(frames) if frame.begins] == [0, 10, 16]
    assert len(frames) == 46


def test_pictures_that_came_as_jpeg(bag, tmp_path):
    source, encoder = Bag(bag), Encoder()
    decoder = Decoder(source)
    writer, known, kind = BagWriter(tmp_path / 'bag'), set(), 'sensor_msgs/msg/CompressedImage'
    for m in source.messages():
        topic, data, made = m.topic, m.data, source.reading.definitions[m.kind]
        if topic.endswith('image_raw'):
            image = decoder.decode(m)
            pixels = image.data.reshape(image.height, image.width, 3)[:, :, ::-1]
            jpeg = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
            stamp = header(m.publish_ns, image.header.frame_id)
            values = {'header': stamp, 'format': 'rgb8; jpeg compressed bgr8', 'data': jpeg}
            topic, data = f'{topic}/compressed', encoder.encode(kind, values)
            made = encoder.definition(kind)
        if topic not in known:
            known.add(topic)
            writer.add_topic(topic, made)
        writer.write(topic, data, m.log_ns, m.publish_ns)
    writer.close()
    Conversion([tmp_path / 'bag'], CONTRACT, tmp_path / 'set').run()
    found = LerobotDataset(tmp_path / 'set')
    assert [e.length for e in found.episodes] == [20, 30]
    for k, image in enumerate(found.pictures(found.episodes[0], 'scene')):
        assert psnr(image, picture(96, 96, k)) > LEAST_PSNR


@pytest.mark.parametrize(
    ('spoil', 'problem'),
    [
        (lambda f: (f / 'meta/info.json').unlink(), 'no LeRobotDataset: meta/info.json'),
        (lambda f: (f / 'meta/info.json').write_text('{'), 'meta/info.json: not as v3.0'),
        (lambda f: edit(f, codebase_version='v2.1'), r'version v2\.1; v3\.0 is read'),
        (lambda f: shutil.rmtree(f / 'meta/episodes'), 'meta/episodes is missing'),
        (lambda f: shutil.rmtree(f / 'data'), r'file-000\.parquet: missing'),
        (lambda f: shutil.rmtree(f / 'videos'), r'file-000\.mp4: missing'),
        (lambda f: (f / 'meta/tasks.parquet').write_bytes(b'PAR1'), 'tasks.parquet: not as'),
        (lambda f: edit(f, total_episodes=3), '2 episodes in meta/episodes; .* says 3'),
        (lambda f: reshape(f, 'action', [7]), 'action: 7 wide; 8 expected'),
        (
            lambda f: reshape(f, 'observation.images.scene', [96, 64, 3]),
            r'shape \[96, 64, 3\]; \[96, 96, 3\] expected',
        ),
        (lambda f: edit(f, fps=30), '30 frames a second; robot tabletop has 10'),
        (lambda f: cut(f), 'not a readable video|ends before|no frame at'),
    ],
)
def test_datasets_that_are_none(spoil, problem, dataset, tmp_path):
    folder = tmp_path / 'set'
    shutil.copytree(dataset, folder)
    spoil(folder)
    with pytest.raises(DatasetFormatError, match=problem) as refusal:
        write_bag(LerobotDataset(folder), CONTRACT, tmp_path / 'bag')
    assert '\n' not in str(refusal.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['set']


def edit(folder: Path, **changes: object) -> None:
    """Change keys of info.json."""
    file = folder / 'meta' / 'info.json'
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def reshape(folder: Path, feature: str, shape: list[int]) -> None:
    """Change what info.json says of a feature's shape."""
    features = json.loads((folder / 'meta' / 'info.json').read_text())['features']
    features[feature]['shape'] = shape
    edit(folder, features=features)


def cut(folder: Path) -> None:
    """Cut a video in half."""
    file = next(folder.glob('videos/*scene/*/*.mp4'))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def test_a_bag_without_commands_is_refused(bag, tmp_path):
    source, writer, known = Bag(bag), BagWriter(tmp_path / 'bag'), set()
    for m in source.messages():
        if m.topic == '/vla/command':
            continue
        if m.topic not in known:
            known.add(m.topic)
            writer.add_topic(m.topic, source.reading.definitions[m.kind])
        writer.write(m.topic, m.data, m.log_ns, m.publish_ns)
    writer.close()
    with pytest.raises(BagError, match='nothing of /vla/command'):
        Conversion([tmp_path / 'bag'], CONTRACT, tmp_path / 'set').run()
    assert [p.name for p in tmp_path.iterdir()] == ['bag']


@pytest.mark.skipif(
    not (PEER / '.made.stamp').exists(), reason='no .vla/peers/lerobot: ./vla bench bags --peers'
)
@pytest.mark.timeout(180)
def test_lerobot_reads_it(dataset, tmp_path):
    out = tmp_path / 'read.npz'
    env = {**os.environ, 'PYTHONPATH': '', 'HF_HUB_OFFLINE': '1', 'HF_HOME': str(tmp_path / 'hf')}
    done = subprocess.run(
        [PEER / 'bin' / 'python', READER, dataset, out], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    read = np.load(out)
    assert (str(read['version']), int(read['fps']), int(read['episodes'])) == ('v3.0', 10, 2)
    assert read['lengths'].tolist() == [20, 30]
    assert read['tasks'].tolist() == [WORDS[0][1]] * 20 + [WORDS[2][1]] * 30
    states, actions = zip(expected(0.0, 20), expected(2.5, 30), strict=True)
    np.testing.assert_array_equal(read['item/observation.state'], np.concatenate(states))
    np.testing.assert_array_equal(read['item/action'], np.concatenate(actions))
    np.testing.assert_array_equal(read['chunk'], actions[0][1:5])
    assert read['state_names'].tolist() == list(CONTRACT.state.names)
    np.testing.assert_allclose(read['stats/action/mean'], np.concatenate(actions).mean(0), 1e-5)
    counts = [*range(20), *range(25, 55)]
    for key, camera in CONTRACT.cameras.items():
        shown = read[f'item/observation.images.{key}'].transpose(0, 2, 3, 1) * 255
        for image, count in zip(shown, counts, strict=True):
            assert psnr(image, picture(camera.width, camera.height, count)) > LEAST_PSNR
