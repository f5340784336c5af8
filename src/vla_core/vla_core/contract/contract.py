"""The robot contract as a whole: loading, agreement of its parts, digest."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vla_core.contract.action import Action
from vla_core.contract.camera import Camera
from vla_core.contract.limits import Limits
from vla_core.contract.parts import Model, Output, Rates, State
from vla_core.contract.section import parse
from vla_core.errors import ContractError


@dataclass(frozen=True)
class RobotContract:
    """What a robot is; see the parts for units and frames."""

    robot: str
    cameras: dict[str, Camera]
    state: State
    action: Action
    limits: Limits
    model: Model
    output: Output
    rates: Rates

    def __post_init__(self) -> None:
        for name in (*self.state.names, *self.output.joints):
            if name not in self.limits.joints:
                raise ContractError(f'limits.joints.{name}', 'missing: every joint needs limits')
        for name in self.limits.joints:
            if name not in self.state.names:
                raise ContractError(f'limits.joints.{name}', 'is not in state.names')
        for name in self.output.joints:
            if name not in self.state.names:
                raise ContractError(f'output.joints.{name}', 'is not in state.names')
        for group in self.action.groups:
            for name in group.names:
                if name not in self.output.joints:
                    raise ContractError(f'action.groups.{group.name}', f'{name!r} is no output')
        for name in self.model.posture:
            if name not in self.state.names:
                raise ContractError(f'model.posture.{name}', 'is not in state.names')

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what a policy sees; topics, limits and rates may change without it."""
        visible = {
            'cameras': {
                key: [c.width, c.height, c.kind, list(c.crop or ()), c.rotation]
                for key, c in sorted(self.cameras.items())
            },
            'render': self.model.render,
            'state': [list(self.state.names), list(self.state.units)],
            'action': [
                [g.name, g.kind, list(g.columns), g.frame, g.rotation, g.relative_to]
                for g in self.action.groups
            ],
            'chunk_step_s': self.rates.chunk_step_s,
        }
        return hashlib.sha256(json.dumps(visible, sort_keys=True).encode()).hexdigest()


def load(path: Path | str) -> RobotContract:
    """Read and check a contract file.

    Raises:
        ContractError: the file is missing, no YAML, or says something wrong; one line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, 'strerror', None) or 'not UTF-8'
        raise ContractError(str(path), f'{reason}; a robot contract expected') from None
    try:
        return _read(text, path)
    except ContractError as error:
        if error.field.startswith(str(path)):
            raise
        raise ContractError(f'{path}: {error.field}', error.problem) from None


def _read(text: str, path: Path) -> RobotContract:
    top = parse(text, str(path))
    cameras = {k: Camera.read(k, s) for k, s in top.section('cameras').sections().items()}
    if not cameras:
        raise top.fail('cameras', 'at least one camera expected')
    contract = RobotContract(
        robot=top.text('robot'),
        cameras=cameras,
        state=State.read(top.section('state')),
        action=Action.read(top.section('action')),
        limits=Limits.read(top.section('limits')),
        model=Model.read(top.section('model'), path.resolve().parent),
        output=Output.read(top.section('output')),
        rates=Rates.read(top.section('rates')),
    )
    top.done()
    return contract
