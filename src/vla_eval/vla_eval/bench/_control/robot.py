"""Robots to measure on: a chain of any number of joints, and clean motion for it."""

import functools
import math
import tempfile
from pathlib import Path

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract, load
from vla_core.timing import Timing

BEGIN_NS = 1_700_000_000_000_000_000  # as large as ROS times are
INSTRUCTION = 'go'
_SWING = 0.4  # rad
_PERIOD_S = 6.0


def chain(joints: int, step_s: float = 0.1, control_hz: float = 100.0) -> RobotContract:
    """Return the contract of an arm of so many joints in a row, told joint positions.

    It has all that the gate can check: limits of position, velocity, acceleration and jerk, of
    tool speed, and a workspace.
    """
    names = [f'j{k}' for k in range(joints)]
    folder = Path(tempfile.mkdtemp(dir=_folder().name))  # the model is read where it is used
    (folder / 'chain.xml').write_text(_model(names))
    path = folder / 'chain.yaml'
    path.write_text(_contract(names, step_s, control_hz))
    return load(path)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    """Return a folder that goes with this process."""
    return tempfile.TemporaryDirectory()


def positions(joints: int, time_s: np.ndarray | float) -> np.ndarray:
    """Return where a chain's joints are to be at times (N): (N, joints), or (joints,) at one.

    It begins at rest.
    """
    angle = 2.0 * math.pi / _PERIOD_S * np.asarray(time_s, float)[..., None]
    sides = np.where(np.arange(joints) % 2, -1.0, 1.0) * np.linspace(1.0, 0.5, joints)
    return _SWING * sides * (1.0 - np.cos(angle)) / max(1.0, joints / 14.0)


def chunk(contract: RobotContract, actions: np.ndarray, at_ns: int, epoch: int) -> ActionChunk:
    """Return a chunk as if planned from an observation of `at_ns`: row 0 is one step later."""
    return ActionChunk(
        t0_ns=at_ns + contract.rates.step_ns,
        step_ns=contract.rates.step_ns,
        observation_stamp_ns=at_ns,
        sequence=(at_ns // contract.rates.step_ns) % 1_000_000_000,
        epoch=epoch,
        contract_digest=contract.digest,
        columns=contract.action.columns,
        actions=actions,
        instruction=INSTRUCTION,
        timing=Timing(captured_ns=at_ns),
    )


def _model(names: list[str]) -> str:
    inner = '<site name="tip" pos="0 0 0.05"/>'
    for k, name in reversed(list(enumerate(names))):
        axis = '0 0 1' if k % 2 == 0 else '0 1 0'
        inner = (
            f'<body name="{name}" pos="0 0 0.05"><joint name="{name}" axis="{axis}"/>'
            f'<geom type="capsule" size="0.01" fromto="0 0 0 0 0 0.05"/>{inner}</body>'
        )
    base = f'<worldbody><body name="base">{inner}</body></worldbody>'
    return f'<mujoco model="chain"><compiler angle="radian"/>{base}</mujoco>'


def _contract(names: list[str], step_s: float, control_hz: float) -> str:
    listed = ', '.join(names)
    limits = '\n'.join(
        f'    {name}: {{position: [-2.9, 2.9], velocity: 2.0, acceleration: 20.0, jerk: 500.0,'
        ' first_step: 0.2}'
        for name in names
    )
    return f"""robot: chain
cameras:
  front: {{topic: front/image_raw, camera_info: front/camera_info,
    optical_frame: front_optical_frame, width: 32, height: 24, max_age_s: 0.5}}
state:
  topic: joint_states
  names: [{listed}]
  units: [{', '.join(['rad'] * len(names))}]
  max_age_s: 0.2
  sync_tolerance_s: 0.05
action:
  groups:
  - {{name: arm, kind: joint_position, joints: [{listed}]}}
limits:
  joints:
{limits}
  tool_speed: 5.0
  workspace: {{low: [-5.0, -5.0, -5.0], high: [5.0, 5.0, 5.0]}}
model:
  mjcf: chain.xml
  base_link: base
  tool: tip
  posture: {{}}
output:
  interface: Float64MultiArray
  topic: commands
  joints: [{listed}]
rates:
  control_hz: {control_hz}
  observation_hz: 10.0
  chunk_step_s: {step_s}
"""
