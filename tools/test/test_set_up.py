"""Set-up as a whole, with programs that play Python, pip and colcon: a ROS machine, in seconds.

Each call of the played Python is a line in `calls`; a file `slow` makes pip wait until it is gone.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = r"""
import json, pathlib, shutil, time
root = pathlib.Path(os.environ['FAKE_ROOT'])
words = sys.argv[1:]
def note(text):
    with open(root / 'calls', 'a') as calls:
        calls.write(text + '\n')
if words[:2] == ['-m', 'venv']:
    note('venv')
    target = pathlib.Path(words[-1], 'bin')
    target.mkdir(parents=True)
    shutil.copy(__file__, target / 'python')
elif words[:2] == ['-m', 'pip'] and 'install' in words and '--dry-run' not in words:
    note('pip begins')
    while (root / 'slow').exists():
        time.sleep(0.01)
    note('pip ' + ' '.join(pathlib.Path(w).name for w in words if w.endswith('.txt')))
elif words[:2] == ['-m', 'pip']:
    sys.exit(1)
elif words[0] == '-c' and 'colcon' in words[1]:
    base = pathlib.Path(words[words.index('--install-base') + 1])
    for name in words[words.index('--packages-select') + 1 : words.index('--event-handlers')]:
        note('build ' + name)
        (base / name / 'share').mkdir(parents=True)
        (base.parent / 'build' / name).mkdir(parents=True)
    (base / 'setup.bash').write_text('export PYTHONPATH=%s/built:$PYTHONPATH\n' % base)
"""
ENSURE = (
    f'import sys\nsys.path.insert(0, {str(ROOT / "tools")!r})\n'
    'from pathlib import Path\n'
    'from vla_cli.places import Places\n'
    'from vla_cli.setup import system\n'
    'system.NEEDED = ()\n'
    'from vla_cli.setup.environment import SetUp\n'
    'tests, wait = "tests" in sys.argv, "at once" not in sys.argv\n'
    'extras = ["ray"] if "ray" in sys.argv else []\n'
    'got = SetUp(Places(Path(sys.argv[1]))).ensure(tests=tests, wait=wait, extras=extras)\n'
    'print(got.variables["PYTHONPATH"], flush=True)\n'
    '"stay" in sys.argv and sys.stdin.read()\n'
)


@pytest.fixture
def checkout(tmp_path):
    """A checkout with the real requirement files and one package."""
    root = tmp_path / 'checkout'
    shutil.copytree(ROOT / 'requirements', root / 'requirements')
    (root / 'requirements.txt').write_text((ROOT / 'requirements.txt').read_text())
    (root / 'src/vla_a').mkdir(parents=True)
    (root / 'src/vla_a/package.xml').write_text('<package/>')
    return root


@pytest.fixture
def begin(tmp_path, checkout, program):
    """Start set-up in a process of its own, as leader of its group."""
    program('python3', PYTHON, tmp_path / 'ros/bin')
    started = []

    def start(*words, cwd=checkout):
        env = {
            'PATH': f'{tmp_path}/ros/bin{os.pathsep}{os.environ["PATH"]}',
            'ROS_DISTRO': 'jazzy',
            'FAKE_ROOT': str(tmp_path),
        }
        command = [sys.executable, '-I', '-c', ENSURE, cwd, *words]
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def set_up(begin, tmp_path):
    """Run set-up to its end; return the calls that it made."""

    def run(*words):
        calls = tmp_path / 'calls'
        calls.unlink(missing_ok=True)
        out, err = begin(*words).communicate(timeout=30)
        assert '/built' in out, err
        return calls.read_text().splitlines() if calls.exists() else []

    return run


FIRST = ['venv', 'pip begins', 'pip requirements.txt beside-ros.txt', 'build vla_a']


def test_a_second_set_up_does_nothing(set_up):
    assert set_up() == FIRST
    assert set_up() == []


def test_only_what_changed_is_done_again(set_up, checkout):
    set_up()
    (checkout / 'src/vla_b').mkdir()
    (checkout / 'src/vla_b/package.xml').write_text('<package/>')
    assert set_up() == ['build vla_b']
    (checkout / 'src/vla_a/package.xml').write_text('<package>more</package>')
    assert set_up() == ['build vla_a']
    assert set_up('tests') == ['pip begins', 'pip test.txt ray.txt']
    assert set_up('tests') == []
    assert set_up('ray') == ['pip begins', 'pip ray.txt beside-ros.txt']
    assert set_up('ray') == set_up() == []
    (checkout / 'requirements.txt').write_text('torch==2.13.0\nother==1\n')
    assert set_up() == FIRST[1:3]
    (checkout / 'requirements/build.txt').write_text('cmake\n')
    assert set_up() == ['build vla_a', 'build vla_b']


def test_a_package_that_is_gone_leaves_the_workspace(set_up, checkout):
    set_up()
    (checkout / 'src/vla_b').mkdir()
    (checkout / 'src/vla_b/package.xml').write_text('<package/>')
    set_up()
    assert (checkout / '.vla/install/vla_b').exists()
    (checkout / 'src/vla_b/package.xml').unlink()
    assert set_up() == []
    assert not (checkout / '.vla/install/vla_b').exists()


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_set_up_starts_cleanly_again(
    begin, set_up, eventually, tmp_path, number, exists
):
    calls, slow = tmp_path / 'calls', tmp_path / 'slow'
    slow.touch()
    process = begin()
    eventually(lambda: calls.exists() and 'pip begins' in calls.read_text(), 'pip at work')
    os.kill(process.pid, number)
    process.wait(10)
    slow.unlink()
    assert set_up() == FIRST


def test_what_set_up_started_ends_with_it(begin, eventually, tmp_path, exists):
    calls, slow = tmp_path / 'calls', tmp_path / 'slow'
    slow.touch()
    process = begin()
    eventually(lambda: calls.exists() and 'pip begins' in calls.read_text(), 'pip at work')

    def below(pid):
        table = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        return [int(p) for p in table] + [q for p in table for q in below(int(p))]

    children = below(process.pid)
    assert len(children) >= 2
    process.kill()
    process.wait()
    eventually(lambda: not any(exists(pid) for pid in children), 'the end of pip')
    assert calls.read_text().splitlines()[-1] == 'pip begins'


def test_two_set_ups_at_once_do_each_step_once(begin, eventually, tmp_path):
    calls, slow = tmp_path / 'calls', tmp_path / 'slow'
    slow.touch()
    first = begin()
    eventually(lambda: calls.exists() and 'pip begins' in calls.read_text(), 'pip at work')
    second = begin()
    line = second.stderr.readline()
    assert 'waiting for another ./vla' in line
    slow.unlink()
    for process in (first, second):
        out, err = process.communicate(timeout=30)
        assert '/built' in out, err
    assert calls.read_text().splitlines() == FIRST


def test_nothing_is_built_under_a_command_that_runs(begin, set_up, checkout, tmp_path):
    set_up()
    calls = tmp_path / 'calls'
    calls.unlink()
    running = begin('stay')
    assert '/built' in running.stdout.readline()
    (checkout / 'src/vla_a/package.xml').write_text('<package>more</package>')
    out, err = begin('at once').communicate(timeout=30)
    assert '/built' in out
    assert 'is not built now' in err
    waits = begin()
    assert 'waiting for another ./vla' in waits.stderr.readline()
    assert not calls.exists()
    running.communicate(timeout=30)
    out, err = waits.communicate(timeout=30)
    assert '/built' in out, err
    assert calls.read_text().splitlines() == ['build vla_a']


def test_a_moved_checkout_is_set_up_anew(set_up, begin, checkout, tmp_path):
    set_up()
    moved = checkout.rename(tmp_path / 'moved')
    (tmp_path / 'calls').unlink()
    out, err = begin(cwd=moved).communicate(timeout=30)
    assert 'moved/.vla/install/built' in out, err
    assert (tmp_path / 'calls').read_text().splitlines() == FIRST


def test_a_failing_step_shows_the_end_of_its_log(begin, tmp_path):
    fake = tmp_path / 'ros/bin/python3'
    fake.write_text(fake.read_text().replace("note('pip begins')", "sys.exit('no such wheel')"))
    _, err = begin().communicate(timeout=30)
    assert 'failed (exit 1)' in err
    assert '| no such wheel' in err
    assert 'pip-run.log' in err
