"""Handing a command over: words and status arrive, Ctrl-C at any moment leaves no trace."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1]
HAND_OVER = (
    'import os, sys\n'
    'from pathlib import Path\n'
    'from vla_cli import handover\n'
    'env = handover.command_environment(dict(os.environ), Path(sys.argv[1]).parent)\n'
    'handover.run(Path(sys.executable), env, "played", sys.argv[2:])\n'
)


@pytest.fixture
def hand_over(tmp_path):
    """Hand over to a module of this text; return the running process."""
    started = []

    def run(text, *words):
        (tmp_path / 'played.py').write_text(text)
        process = subprocess.Popen(
            [sys.executable, '-c', HAND_OVER, str(TOOLS), *words],
            env={**os.environ, 'PYTHONPATH': f'{TOOLS}{os.pathsep}{tmp_path}'},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_words_and_status_arrive(hand_over):
    process = hand_over('def main(argv):\n    print(argv)\n    return 7\n', '--a', 'b c')
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("['--a', 'b c']\n", '', 7)


@pytest.mark.parametrize(('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize('importing', [True, False], ids=['importing', 'running'])
def test_a_stop_ends_it_without_a_trace(hand_over, number, status, importing):
    wait = "print('here', flush=True)\ntime.sleep(30)\n"
    body = f'import time\n{wait}' if importing else 'import time\n'
    main = 'def main(argv):\n' + ''.join(f'    {line}\n' for line in wait.splitlines())
    process = hand_over(body + main)
    assert process.stdout.readline() == 'here\n'
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (status, '')


def test_a_command_can_clean_up_after_a_stop(hand_over):
    text = (
        'import time\ndef main(argv):\n    try:\n        print("here", flush=True)\n'
        '        time.sleep(30)\n    finally:\n        print("cleaned")\n'
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        process = hand_over(text)
        assert process.stdout.readline() == 'here\n'
        process.send_signal(number)
        out, _ = process.communicate(timeout=10)
        assert out == 'cleaned\n'
