"""Well-formed values and messages that tests begin with."""

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.command import ChunkCounts, Command, ExecutorStatus, GateCounts, Mode
from vla_core.observation import Observation, View
from vla_core.se3 import SE3
from vla_core.timing import Timing

S = 1_000_000_000
K = np.array([[80.0, 0, 48], [0, 80, 48], [0, 0, 1]])
TIMING = Timing(*range(5 * S, 5 * S + 6), 0)


def pose(seed: int) -> SE3:
    return SE3.exp(np.random.default_rng(seed).normal(size=6))


def picture(seed: int = 0, height: int = 6, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def observation(**changes) -> Observation:
    fields = {
        'stamp_ns': 7 * S + 3,
        'sequence': 12,
        'epoch': 3,
        'contract_digest': 'abc',
        'base_frame': 'base_link',
        'views': {
            'scene': View(picture(1), K, pose(1), 7 * S + 3),
            'wrist': View(picture(2, 4, 4), K, pose(2), 7 * S),
        },
        'state_names': ('joint1', 'finger'),
        'state': np.array([0.5, 0.01]),
        'state_velocity': np.array([-1.0, 0.0]),
        'state_stamp_ns': 7 * S + 1,
        'T_base_tool': pose(3),
        'instruction': 'push the rote Würfel',
        'assembled_ns': 7 * S + 9,
    }
    return Observation(**{**fields, **changes})


def chunk(**changes) -> ActionChunk:
    fields = {
        't0_ns': 8 * S + 1,
        'step_ns': S // 10,
        'observation_stamp_ns': 7 * S + 3,
        'sequence': 2**40,
        'epoch': 3,
        'contract_digest': 'abc',
        'columns': ('tool.x', 'gripper'),
        'actions': np.arange(6.0).reshape(3, 2),
        'instruction': 'push',
        'timing': TIMING,
    }
    return ActionChunk(**{**fields, **changes})


def command(**changes) -> Command:
    fields = {
        'stamp_ns': 9 * S,
        'sequence': 5,
        'epoch': 3,
        'names': ('joint1', 'finger'),
        'positions': np.array([0.1, 0.2]),
        'velocities': np.array([0.0, -0.3]),
        'strategy': 'receding_horizon',
        'sources': (11, 12),
        'weights': (0.25, 0.75),
        'clipped_by': ('velocity',),
        'hold_reason': '',
        'stop_reason': 'asked',
    }
    return Command(**{**fields, **changes})


def status(**changes) -> ExecutorStatus:
    fields = {
        'stamp_ns': 9 * S,
        'mode': Mode.HOLDING,
        'epoch': 3,
        'instruction': 'push',
        'strategy': 'receding_horizon',
        'hold_reason': 'silence',
        'stop_reason': '',
        'last_refusal': 'expired',
        'gate': GateCounts(1, 2, 3, 4, 5),
        'chunks': ChunkCounts(6, 7, 8),
        'executed': ((11, TIMING), (12, Timing())),
    }
    return ExecutorStatus(**{**fields, **changes})
