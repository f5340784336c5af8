"""Policies around a policy; each keeps the signature."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.command import ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.errors import FieldError
from vla_core.observation import Observation
from vla_core.policy import Policy

ABLATIONS = ('wrong-words', 'no-vision')
FAULTS = ('none', 'nan', 'block', 'late', 'again', 'jump')
BLOCK_S = 5.0
LATE_S = 0.8
JUMP = 0.2  # m or rad


@runtime_checkable
class Staged(Protocol):
    """A policy whose `infer` is `plan(prepare(...))`, so that the two can be timed apart."""

    def prepare(self, observation: Observation, committed: ActionChunk | None) -> Any:
        """Turn the observation into tensors."""

    def plan(self, prepared: Any) -> ActionChunk:
        """Run the model."""


@runtime_checkable
class Heedful(Protocol):
    """A policy that wants to know how its chunks fare: measured delays, the strategy in force."""

    def heed(self, status: ExecutorStatus) -> None:
        """Take note of the executor's status; any thread."""


class Timed:
    """Any policy, with the ROS times at which its chunk passed each stage.

    Args:
        policy: What plans.
        clock_ns: Returns the ROS time now, ns.
    """

    def __init__(self, policy: Policy, clock_ns: Callable[[], int]):
        self._policy, self._clock_ns = policy, clock_ns

    def reset(self, epoch: int) -> None:
        """See `vla_core.policy.Policy`."""
        self._policy.reset(epoch)

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`; stamps received, preprocessed and inferred."""
        received = self._clock_ns()
        if isinstance(self._policy, Staged):
            prepared = self._policy.prepare(observation, committed)
            preprocessed = self._clock_ns()
            chunk = self._policy.plan(prepared)
        else:
            preprocessed = received
            chunk = self._policy.infer(observation, committed)
        timing = replace(
            chunk.timing,
            received_ns=received,
            preprocessed_ns=preprocessed,
            inferred_ns=self._clock_ns(),
        )
        return chunk.with_changes(timing=timing)


class Ablated:
    """Any policy, deprived of what it should need.

    Args:
        policy: What plans.
        kind: `wrong-words`: it is told `words` instead; `no-vision`: it sees black pictures.
        words: The other instruction, for `wrong-words`.
    """

    def __init__(self, policy: Policy, kind: str, words: str = ''):
        if kind not in ABLATIONS:
            raise FieldError('ablate', f'one of {", ".join(ABLATIONS)} expected, got {kind!r}')
        if kind == 'wrong-words' and not words:
            raise FieldError('ablate', 'wrong-words needs an instruction to give instead')
        self._policy, self._kind, self._words = policy, kind, words

    def reset(self, epoch: int) -> None:
        """See `vla_core.policy.Policy`."""
        self._policy.reset(epoch)

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`; the chunk carries the words that were in force."""
        if self._kind == 'wrong-words':
            given = observation.with_changes(instruction=self._words)
        else:
            views = {
                key: replace(view, image=np.zeros_like(view.image))
                for key, view in observation.views.items()
            }
            given = observation.with_changes(views=views)
        chunk = self._policy.infer(given, committed)
        return chunk.with_changes(instruction=observation.instruction)


class Faulty:
    """Any policy, with something wrong on purpose, for as long as `kind` says.

    Attributes:
        kind: `none`; `nan`: one number of each chunk is NaN; `block`: it answers after 5 s;
            `late`: it answers after 0.8 s; `again`: it gives the chunk it gave last, as it was;
            `jump`: each chunk lies 0.2 m (rad, for joints) beside the way, every time elsewhere.
            May be changed at any time, from any thread.

    Args:
        policy: What plans.
        contract: Says which columns are places; rotations and grippers stay.
        seed: Which numbers are NaN, and where chunks jump to, follow from it.
        wait: Waits so many seconds.
    """

    def __init__(
        self,
        policy: Policy,
        contract: RobotContract,
        seed: int = 0,
        wait: Callable[[float], Any] = time.sleep,
    ):
        self.kind = 'none'
        self._policy, self._wait = policy, wait
        self._rng = np.random.default_rng(seed)
        self._places = _places(contract)
        self._last: ActionChunk | None = None

    def reset(self, epoch: int) -> None:
        """See `vla_core.policy.Policy`; the chunk of before stays: a stuck policy gives it on."""
        self._policy.reset(epoch)

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`; of an unusual chunk, shape and stamps stay true."""
        kind = self.kind
        if kind == 'again' and self._last is not None:
            return self._last
        chunk = self._last = self._policy.infer(observation, committed)
        if kind in ('block', 'late'):
            self._wait(BLOCK_S if kind == 'block' else LATE_S)
        elif kind == 'nan':
            actions = np.array(chunk.actions)
            actions.flat[self._rng.integers(actions.size)] = np.nan
            chunk = chunk.with_changes(actions=actions)
        elif kind == 'jump':
            actions = np.array(chunk.actions)
            way = self._rng.normal(size=len(self._places))
            actions[:, self._places] += JUMP * way / np.linalg.norm(way)
            chunk = chunk.with_changes(actions=actions)
        return chunk


def _places(contract: RobotContract) -> list[int]:
    """Return the columns that say where a tool or a joint is to be."""
    places: list[int] = []
    for group in contract.action.groups:
        columns = range(len(contract.action.columns))[contract.action.slice_of(group)]
        if group.kind != 'gripper':
            places += columns[:3] if group.rotation else columns
    return places
