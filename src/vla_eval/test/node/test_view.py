"""The live page: served to this machine only, with what is newest."""

import json
import re
import urllib.error
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')

from rich.console import Console  # noqa: E402

from vla_core.command import ExecutorStatus, Mode  # noqa: E402
from vla_eval.commands.view import View  # noqa: E402
from vla_ros import convert  # noqa: E402

pytestmark = pytest.mark.ros


@pytest.fixture
def page(monkeypatch):
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    image = convert.image_to_msg(np.full((8, 8, 3), 200, np.uint8), 5, 'scene_optical_frame')
    status = ExecutorStatus(7, Mode.RUNNING, 1, 'pick up the red block', 'receding_horizon')
    client = SimpleNamespace(images={'scene': image}, status=status)
    console = Console(record=True, width=200)
    with View(client, True, console):
        said = console.export_text()
        assert 'no window system' in said
        yield re.search(r'http://127\.0\.0\.1:\d+/', said).group()


def get(address: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return answer.headers['Content-Type'], answer.read()


def test_page_state_and_picture(page):
    kind, body = get(page)
    assert kind.startswith('text/html')
    assert b'http' not in body.replace(b'<!DOCTYPE html>', b'')  # loads nothing from elsewhere
    state = json.loads(get(f'{page}state')[1])
    assert state['instruction'] == 'pick up the red block'
    assert state['cameras'] == ['scene']
    kind, body = get(f'{page}camera/scene?7')
    assert kind == 'image/png'
    assert body.startswith(b'\x89PNG')


@pytest.mark.parametrize('path', ['camera/wrist', 'camera/', 'etc/passwd', '../state'])
def test_anything_else_is_not_found(page, path):
    with pytest.raises(urllib.error.HTTPError, match='404'):
        get(page + path)


def test_no_page_unless_wanted():
    console = Console(record=True)
    with View(SimpleNamespace(images={}, status=None), False, console):
        assert console.export_text() == ''
