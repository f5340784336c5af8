"""A bag as the source of a page, with a slider for its time."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import viser

from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.survey import survey
from vla_eval.core.bags.values import Message
from vla_eval.core.errors import BagError
from vla_eval.core.viewer.playback import Playback
from vla_eval.ros.viewer.ingest import Ingest

SPEEDS = ('0.25', '0.5', '1', '2', '4')
STEP_S = 0.1


class BagSource:
    """Plays a bag into a story.

    Args:
        path: The bag.
        ingest: Is given its messages.

    Raises:
        BagError: it is not a bag, or holds nothing that is shown.
    """

    def __init__(self, path: Path, ingest: Ingest):
        self.wake = threading.Event()
        self._ingest = ingest
        self._bag = Bag(path)
        found = survey(self._bag)
        self._topics = _wanted(found.topics, ingest)
        shown = [stream.topic for stream in ingest.streams if not stream.aside]
        if not set(shown) & set(self._topics.values()):
            names = ', '.join(shown)
            raise BagError(f'{path}: nothing to show: it holds none of {names}')
        self._playback = Playback(
            lambda: self._bag.messages(self._topics), found.first_ns, found.last_ns
        )
        self._slider: Any = None
        self._moved_to: float | None = None

    def add_controls(self, gui: viser.GuiApi) -> None:
        """Put pause, speed and time on the page."""
        length = (self._playback.end_ns - self._playback.begin_ns) / 1e9
        with gui.add_folder('Bag'):
            paused = gui.add_checkbox('Pause', False)
            speed = gui.add_dropdown('Speed', SPEEDS, initial_value='1')
            self._slider = gui.add_slider('Seconds', 0.0, max(length, STEP_S), STEP_S, 0.0)
        paused.on_update(lambda _: setattr(self._playback, 'paused', paused.value))
        speed.on_update(lambda _: setattr(self._playback, 'speed', float(speed.value)))
        self._slider.on_update(self._on_slider)

    def messages(self) -> Iterator[tuple[str, Message]]:
        """Yield all of it, whatever its pace: the stream's topic, the message."""
        for message in self._bag.messages(self._topics):
            yield self._topics[message.topic], message

    def look(self) -> None:
        """Take in what has become due."""
        self.wake.clear()
        wanted, self._moved_to = self._moved_to, None
        if wanted is not None and self._playback.go_to(wanted):
            self._ingest.forget()
        for message in self._playback.due(time.monotonic_ns()):
            self._ingest.take(self._topics[message.topic], message.data)
        if self._slider is not None and self._moved_to is None:
            self._slider.value = round(self._playback.position / STEP_S) * STEP_S

    @property
    def over(self) -> bool:
        """Whether its end is reached; the slider goes back from there."""
        return self._playback.over

    @property
    def silent_s(self) -> float:
        """Always 0: a bag may stand still."""
        return 0.0

    def close(self) -> None:
        """Nothing is held."""

    def _on_slider(self, event: Any) -> None:
        if event.client is not None:  # moved by a person, not by `look`
            self._moved_to = float(self._slider.value)
            self.wake.set()


def _wanted(topics: dict[str, Any], ingest: Ingest) -> dict[str, str]:
    """Return the bag's name -> the stream's of every topic that is shown, in any namespace."""
    found = {}
    for name, about in topics.items():
        for stream in ingest.streams:
            fits = about.kind == f'{stream.package}/msg/{stream.kind}'
            if fits and f'/{name}'.endswith(f'/{stream.topic}'):
                found[name] = stream.topic
    return found
