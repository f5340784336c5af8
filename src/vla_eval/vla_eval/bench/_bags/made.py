"""Bags that are made, not recorded: an arm that swings before cameras, and is commanded to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_eval.core.bags import messages
from vla_eval.core.bags.encoder import Encoder, header, time
from vla_eval.core.bags.messages import COMMAND, IMAGE, INFO, JOINTS, STRING, TF
from vla_eval.core.bags.qos import Offered
from vla_eval.core.bags.writer import BagWriter

BEGIN_NS = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
STATUS = 'vla_msgs/msg/ExecutorStatus'
ON_THE_WAY_NS = 2_000_000


@dataclass(frozen=True)
class Script:
    """What happens in a bag.

    Attributes:
        words: (seconds, words) in force one after another; '' for none.
        camera_hz: Pictures of each camera.
        joints_hz: Joint states, transforms and commands.
        width: Of the pictures, 0 for the policy's.
        height: Likewise.
        moving: Joints that swing, none for all; the others rest in the middle of their range.
    """

    words: Sequence[tuple[float, str]] = ((2.0, 'reach the red block'),)
    camera_hz: int = 10
    joints_hz: int = 100
    width: int = 0
    height: int = 0
    moving: Sequence[str] = ()

    @property
    def seconds(self) -> float:
        """From begin to end."""
        return sum(seconds for seconds, _ in self.words)


def joints(contract: RobotContract, time_s: float, moving: Sequence[str] = ()) -> np.ndarray:
    """Return (S,) positions of the swinging arm at a time; see `Script.moving`."""
    low = np.array([contract.limits.joints[name].lower for name in contract.state.names])
    high = np.array([contract.limits.joints[name].upper for name in contract.state.names])
    phase = np.arange(len(low))
    swings = np.array([not moving or name in moving for name in contract.state.names])
    return (low + high) / 2 + 0.4 * swings * (high - low) / 2 * np.sin(1.3 * time_s + phase)


def picture(width: int, height: int, count: int) -> np.ndarray:
    """Return (height, width, 3) uint8 that moves with each count: smooth, with some grain."""
    y, x = np.mgrid[:height, :width]
    grain = np.random.default_rng(0).integers(0, 12, (height, width, 1))
    waves = 90 + 80 * np.sin((x + 7 * count) / (width / 16)) * np.cos(y / (height / 9))
    shown = waves[..., None] * np.array([1.0, 0.8, 0.6]) + grain
    return np.asarray(shown.clip(0, 255), np.uint8)


class Made:
    """Writes one bag.

    Args:
        folder: Of the bag.
        contract: The robot.
        script: What happens.
        picture: Makes the pictures of a size and a count.
    """

    def __init__(
        self,
        folder: Path,
        contract: RobotContract,
        script: Script,
        picture: Callable[[int, int, int], np.ndarray] = picture,
    ):
        self._contract, self._script, self._picture = contract, script, picture
        self._encoder = Encoder()
        self._writer = BagWriter(folder, {'robot': contract.robot})

    def write(self) -> None:
        """Write it, in the order of time."""
        script = self._script
        self._topics()
        period_ns, every = SECOND // script.joints_hz, script.joints_hz // script.camera_hz
        self._static()
        for tick in range(round(script.seconds * script.joints_hz)):
            now_ns = BEGIN_NS + tick * period_ns
            epoch, words, begins = self._words(tick)
            if begins:
                self._put('/vla/instruction', STRING, {'data': words}, now_ns)
            self._status(now_ns, epoch, words)
            self._arm(now_ns, tick / script.joints_hz, words)
            if tick % every == 0:
                self._cameras(now_ns, tick // every)
            if tick % (script.joints_hz // 4) == 0:
                self._writer.flush()
        self._writer.close()

    def _words(self, tick: int) -> tuple[int, str, bool]:
        """Return epoch and words of a tick, and whether they begin with it."""
        end = 0
        for epoch, (seconds, words) in enumerate(self._script.words, 1):
            begin, end = end, end + round(seconds * self._script.joints_hz)
            if tick < end:
                return epoch, words, tick == begin
        raise ValueError(f'tick {tick} is past the end')

    def _topics(self) -> None:
        contract = self._contract
        for camera in contract.cameras.values():
            self._add(f'/{camera.topic}', IMAGE)
            self._add(f'/{camera.camera_info}', INFO)
        self._add(f'/{contract.state.topic}', JOINTS)
        self._add('/tf', TF)
        self._add('/tf_static', TF, latched=True)
        self._add('/vla/command', COMMAND)
        self._add('/vla/status', STATUS)
        self._add('/vla/instruction', STRING, latched=True)

    def _add(self, topic: str, kind: str, latched: bool = False) -> None:
        self._writer.add_topic(topic, self._encoder.definition(kind), Offered(latched=latched))

    def _put(self, topic: str, kind: str, values: dict[str, Any], now_ns: int) -> None:
        self._writer.write(topic, self._encoder.encode(kind, values), now_ns + ON_THE_WAY_NS)

    def _static(self) -> None:
        base = self._contract.model.base_link
        frames = [camera.optical_frame for camera in self._contract.cameras.values()]
        T = SE3.exp(np.array([0.5, 0.0, 0.7, 0.0, 2.5, 0.1]))
        edges = [messages.edge(BEGIN_NS, base, frame, T) for frame in frames]
        self._put('/tf_static', TF, {'transforms': edges}, BEGIN_NS)

    def _arm(self, now_ns: int, time_s: float, words: str) -> None:
        contract, model = self._contract, self._contract.model
        names = contract.state.names
        moving = self._script.moving
        at, soon = (joints(contract, t, moving) for t in (time_s, time_s + 0.05))
        state = messages.joint_state(now_ns, names, at, (soon - at) / 0.05)
        self._put(f'/{contract.state.topic}', JOINTS, state, now_ns)
        T = SE3.exp(np.array([0.4, 0.1 * np.sin(time_s), 0.2, 0.0, 3.0, 0.2 * np.cos(time_s)]))
        edge = messages.edge(now_ns, model.base_link, model.tool, T)
        self._put('/tf', TF, {'transforms': [edge]}, now_ns)
        if words:
            order = [names.index(name) for name in contract.output.joints]
            number = (now_ns - BEGIN_NS) // 1_000_000
            told = messages.command(now_ns, number, 1, contract.output.joints, soon[order])
            self._put('/vla/command', COMMAND, told, now_ns)

    def _status(self, now_ns: int, epoch: int, words: str) -> None:
        texts = ('executor', 'strategy', 'authority', 'hold_reason', 'stop_reason', 'last_refusal')
        gate = ('ticks', 'clipped', 'refused', 'holds', 'stops')
        values = {
            'header': header(now_ns),
            'active_since': time(BEGIN_NS),
            'mode': 'running',
            'epoch': epoch,
            'instruction': words,
            **dict.fromkeys(texts, ''),
            **{f'gate_{name}': 0 for name in gate},
            **{f'chunks_{name}': 0 for name in ('received', 'refused', 'expired')},
            'executed': [],
        }
        self._put('/vla/status', STATUS, values, now_ns)

    def _cameras(self, now_ns: int, count: int) -> None:
        for camera in self._contract.cameras.values():
            width = self._script.width or camera.width
            height = self._script.height or camera.height
            focal = 0.9 * width
            said = now_ns, camera.optical_frame
            optics = focal, focal, width / 2, height / 2
            info = messages.camera_info(*said, (width, height), optics)
            self._put(f'/{camera.camera_info}', INFO, info, now_ns)
            image = messages.image(*said, self._picture(width, height, count))
            self._put(f'/{camera.topic}', IMAGE, image, now_ns)
