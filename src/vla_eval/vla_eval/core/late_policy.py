"""The policy of the late-decision benchmark: where things are -> a chunk, by flow matching.

Small (three layers of 256) and really multi-modal: it starts from random noise, so that two plans
from one place may go round the post on different sides, as its demonstrations do.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from vla_core import rotations
from vla_core.chunk import ActionChunk
from vla_core.command import ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_core.timing import Timing
from vla_policy.core.checkpoint import CheckpointError
from vla_policy.core.committed import commanded_at
from vla_policy.core.features import gripper_group, tool_group
from vla_policy.core.guidance import Guidance, guided, soft_mask
from vla_policy.core.rtc import Rtc, RtcSettings, Settled
from vla_policy.core.solvers import Velocity, integrate
from vla_sim.core import seeds
from vla_sim.core.kinematics import R_BASE_TOOL_DOWN
from vla_sim.core.late_decision import HEIGHT, Course

CONFIG, WEIGHTS = 'config.yaml', 'model.safetensors'
AXES = 2
STATE = ('tool.x', 'tool.y', 'goal.x', 'goal.y', 'lag.x', 'lag.y')  # tool, goal: from the post
STATE_SCALE = (0.1, 0.1, 0.1, 0.1, 0.005, 0.005)  # m
WAVES = 4


@dataclass(frozen=True)
class LateConfig:
    """What config.yaml of the checkpoint says.

    Attributes:
        horizon: Rows H of a chunk.
        width: Of the three hidden layers.
        longest_prefix: Rows of a chunk that may be given to it as settled.
        method: Solver, one of `vla_policy.core.solvers.METHODS`.
        steps: Of the solver.
        row_scale: H numbers, m: spread of row k about the place commanded now.
        training: How it was made; not read by the policy.
    """

    horizon: int
    width: int
    longest_prefix: int
    method: str
    steps: int
    row_scale: tuple[float, ...]
    training: Mapping[str, Any]


class WayNet(nn.Module):
    """Velocity of (H, 2) rows; rows that are settled are given clean and told by a mask.

    The mask is training-time real-time chunking (Black et al. 2025, "Training-Time Action
    Conditioning for Efficient Real-Time Chunking"); with no row settled it is plain flow matching.
    """

    def __init__(self, horizon: int, width: int):
        super().__init__()
        self.horizon = horizon
        entering = horizon * (AXES + 1) + len(STATE) + 1 + 2 * WAVES
        layers: list[nn.Module] = []
        for inner in (entering, width, width):
            layers += [nn.Linear(inner, width), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(width, horizon * AXES))

    def velocity(self, x: Tensor, t: Tensor, state: Tensor, settled: Tensor) -> Tensor:
        """Return dx/dt (N, H, 2) at x (N, H, 2), time t (N,), state (N, 6), settled (N, H)."""
        angles = math.pi * t[:, None] * torch.arange(1, WAVES + 1, dtype=t.dtype)
        entering = [x.flatten(1), settled, state, t[:, None], angles.sin(), angles.cos()]
        return self.layers(torch.cat(entering, -1)).view_as(x)


def features(
    commanded: np.ndarray, measured: np.ndarray, post: np.ndarray, goal: np.ndarray
) -> np.ndarray:
    """Return (N, 6) float32 in the order of `STATE`, scaled; all arguments (N, 2), m."""
    found = np.concatenate([commanded - post, goal - post, commanded - measured], axis=1)
    return (found / np.array(STATE_SCALE)).astype(np.float32)


class LatePolicy:
    """Plans from the simulator's post and goal, the measured tool and what is commanded.

    Args:
        folder: The checkpoint.
        contract: The robot.
        course: Returns where post and goal are now.
        rtc: How what will be executed anyway is taken into account.
        trained: Whether settled rows are given to the network, which learned to continue them,
            instead of guiding it.

    Attributes:
        seed: Of the noise; takes effect with `reset`.
        usual_ns: What a chunk usually takes to arrive. A robot that rests will still be there by
            then, so a chunk planned for it begins then, and loses no rows on the way.

    Raises:
        CheckpointError: the checkpoint is missing or damaged.
    """

    def __init__(
        self,
        folder: Path,
        contract: RobotContract,
        course: Callable[[], Course],
        rtc: RtcSettings | None = None,
        trained: bool = False,
    ):
        self.config, self._net = read(folder)
        self.contract, self._course, self._trained = contract, course, trained
        self.rtc = Rtc(rtc)
        self.seed = self.usual_ns = 0
        self._noise = torch.Generator()
        self._tool = contract.action.slice_of(tool_group(contract))
        self._gripper = contract.action.slice_of(gripper_group(contract))
        self._scale = np.array(self.config.row_scale)[:, None]

    def reset(self, epoch: int) -> None:
        """Begin the noise anew, from `seed` and the epoch; forget measured delays."""
        code = int(seeds.stream(self.seed, 'noise', epoch).integers(2**62))
        self._noise.manual_seed(code)
        self.rtc.clear()

    def heed(self, status: ExecutorStatus) -> None:
        """Take note of how the executor fares: its strategy, and which chunks it followed."""
        self.rtc.heed(status)

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`."""
        config, course, step_ns = self.config, self._course(), self.contract.rates.step_ns
        ahead = self.rtc.ahead(observation, committed, self.contract, config.horizon, step_ns)
        told = commanded_at(observation, committed, self.contract).position + ahead.shift
        tool = observation.T_base_tool.t + ahead.shift
        places = (told[:AXES], tool[:AXES], np.array(course.post), np.array(course.goal))
        state = torch.from_numpy(features(*(place[None] for place in places)))
        start = torch.randn(1, config.horizon, AXES, generator=self._noise)
        guidance = self._guidance(ahead.settled, told[:AXES])
        rows = self._plan(state, start, guidance)[0].numpy().astype(float)
        rests = committed is None or committed.horizon < 2
        later_ns = self.usual_ns if rests else ahead.later_ns
        t0_ns = observation.stamp_ns + later_ns + step_ns
        return self._chunk(observation, t0_ns, told[:AXES] + rows * self._scale)

    def _guidance(self, settled: Settled | None, told: np.ndarray) -> Guidance | None:
        """Return what is settled in the network's space: relative to `told` (2,), normalised."""
        if settled is None:
            return None
        rows = ((settled.positions[:, :AXES] - told) / self._scale).astype(np.float32)
        hard = self.rtc.settings.mask == 'hard'
        mask = soft_mask(len(rows), settled.frozen, settled.end, hard)
        covered = torch.from_numpy(settled.covered)
        return Guidance(torch.from_numpy(rows)[None], mask * covered, self.rtc.settings.beta)

    def _plan(self, state: Tensor, start: Tensor, guidance: Guidance | None) -> Tensor:
        net, config = self._net, self.config
        given = torch.zeros(1, config.horizon)

        def v(x: Tensor, t: float) -> Tensor:
            free = (1.0 - given)[..., None]
            return free * net.velocity(x, x.new_full((len(x),), t), state, given)

        field: Velocity = v
        if guidance is not None and self._trained:
            leading = int((guidance.weights == 1.0).long().cumprod(0).sum())
            given[:, : min(leading, config.longest_prefix)] = 1.0
            start = torch.where(given[..., None] > 0, guidance.target, start)
        elif guidance is not None:
            field = guided(v, guidance)
        with torch.no_grad():
            return integrate(field, start, config.method, config.steps)

    def _chunk(self, observation: Observation, t0_ns: int, rows: np.ndarray) -> ActionChunk:
        columns = self.contract.action.columns
        actions = np.zeros((len(rows), len(columns)))
        start = self._tool.start
        actions[:, start : start + AXES] = rows
        actions[:, start + AXES] = HEIGHT
        actions[:, start + 3 : self._tool.stop] = rotations.to_6d(R_BASE_TOOL_DOWN)
        actions[:, self._gripper] = 1.0
        return ActionChunk(
            t0_ns=t0_ns,
            step_ns=self.contract.rates.step_ns,
            observation_stamp_ns=observation.stamp_ns,
            sequence=observation.sequence,
            epoch=observation.epoch,
            contract_digest=self.contract.digest,
            columns=columns,
            actions=actions,
            instruction=observation.instruction,
            timing=Timing(captured_ns=observation.stamp_ns, assembled_ns=observation.assembled_ns),
        )


def write(folder: Path, config: LateConfig, net: WayNet) -> None:
    """Write a checkpoint, weights as float16; config.yaml last."""
    folder.mkdir(parents=True, exist_ok=True)
    half = {name: tensor.detach().half().contiguous() for name, tensor in net.state_dict().items()}
    plain = asdict(config) | {'row_scale': list(config.row_scale)}
    contents = {WEIGHTS: save(half), CONFIG: yaml.safe_dump(plain, sort_keys=False).encode()}
    for name, data in contents.items():
        part = folder / f'.{name}.part'
        part.write_bytes(data)
        os.replace(part, folder / name)


def read(folder: Path) -> tuple[LateConfig, WayNet]:
    """Read a checkpoint.

    Raises:
        CheckpointError: a file is missing or not what `write` writes; one line.
    """
    path = folder / CONFIG
    try:
        plain = yaml.safe_load(path.read_text(encoding='utf-8'))
        config = LateConfig(**plain | {'row_scale': tuple(plain['row_scale'])})
        net = WayNet(config.horizon, config.width).eval()
        path = folder / WEIGHTS
        net.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    except (OSError, yaml.YAMLError, TypeError, KeyError, SafetensorError, RuntimeError) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(str(path), f'no checkpoint of late_decision: {line}') from None
    return config, net.requires_grad_(False)
