"""A checkpoint as a policy: one observation in, one chunk out."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vla_core import rotations
from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.errors import ObservationError
from vla_core.observation import Observation, View
from vla_core.se3 import SE3
from vla_core.timing import Timing
from vla_policy.core import preflight
from vla_policy.core.checkpoint import Checkpoint, CheckpointError
from vla_policy.core.committed import commanded_at
from vla_policy.core.features import gripper_group, state_features, tool_group

SENTENCES_KEPT = 64


@dataclass(frozen=True, eq=False)
class Prepared:
    """An observation as tensors.

    Attributes:
        observation: What it was made from.
        images: Camera key -> (1, 3, height, width) in 0..1.
        state: (1, 9) normalised.
        words: (1, 1, text width).
    """

    observation: Observation
    images: Mapping[str, Tensor]
    state: Tensor
    words: Tensor


class FlowPolicy:
    """Plans by integrating the flow from zero noise: the same observation, the same chunk.

    Args:
        checkpoint: Texts already read.
        contract: The robot.
        threads: Of torch, for the whole process; None leaves them as they are.

    Raises:
        CheckpointError: it does not fit the contract (first mismatch), or weights are damaged.
    """

    def __init__(
        self, checkpoint: Checkpoint, contract: RobotContract, threads: int | None = None
    ):
        mismatches = preflight.compare(contract, checkpoint)
        if mismatches:
            more = f' ({len(mismatches) - 1} more mismatches)' if len(mismatches) > 1 else ''
            raise CheckpointError(str(checkpoint.folder), mismatches[0] + more)
        if threads is not None:
            torch.set_num_threads(threads)
        self.checkpoint, self.contract = checkpoint, contract
        self._model = checkpoint.load_model()
        self._columns = contract.action.columns
        self._tool = contract.action.slice_of(tool_group(contract))
        gripper = gripper_group(contract)
        self._gripper = contract.action.slice_of(gripper)
        self._finger = contract.state.names.index(gripper.names[0])
        self._start = torch.zeros(1, checkpoint.config.horizon, 3)
        self._words: OrderedDict[str, Tensor] = OrderedDict()

    def warm_up(self) -> None:
        """Plan twice from a grey picture, so that the first real answer is as fast as any."""
        views = {
            key: View(np.full((*size, 3), 128, np.uint8), np.eye(3), SE3(), 1)
            for key, size in self.checkpoint.config.cameras.items()
        }
        names = self.contract.state.names
        zero = np.zeros(len(names))
        word = self.checkpoint.config.vocabulary[-1]
        digest, base = self.contract.digest, self.contract.model.base_link
        observation = Observation(1, 0, 0, digest, base, views, names, zero, zero, 1, SE3(), word)
        for _ in range(2):
            self.infer(observation, None)
        self._words.clear()

    def unknown_words(self, instruction: str) -> list[str]:
        """Return the words of an instruction that the checkpoint never learned."""
        return self.checkpoint.tokenizer.unknown(instruction)

    def reset(self, epoch: int) -> None:
        """Nothing to forget: each chunk depends on its observation only."""

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`."""
        return self.plan(self.prepare(observation, committed))

    @torch.inference_mode()
    def prepare(self, observation: Observation, committed: ActionChunk | None) -> Prepared:
        """Turn pictures, state and words into tensors.

        Raises:
            ObservationError: a camera is missing or its picture has another size.
        """
        images = {}
        for key, (height, width) in self.checkpoint.config.cameras.items():
            view = observation.views.get(key)
            if view is None or view.image.shape != (height, width, 3):
                got = 'none' if view is None else f'{view.image.shape[1]}x{view.image.shape[0]}'
                raise ObservationError(f'views.{key}', f'{width}x{height} expected, got {got}')
            pixels = view.image.transpose(2, 0, 1).astype(np.float32)[None] / 255.0
            images[key] = torch.from_numpy(pixels)
        told = commanded_at(observation, committed, self.contract)
        features = state_features(
            observation.T_base_tool.t[None],
            told.position[None],
            observation.state[None, self._finger],
            observation.state_velocity[None, self._finger],
            np.array([told.gripper]),
        )
        state = torch.from_numpy(self.checkpoint.statistics.state.normalise(features))
        return Prepared(observation, images, state, self._read(observation.instruction))

    def _read(self, instruction: str) -> Tensor:
        """Return the encoded sentence; the same words are encoded once."""
        words = self._words.get(instruction)
        if words is None:
            tokens = torch.from_numpy(self.checkpoint.tokenizer.encode(instruction))
            words = self._model.trunk.read(tokens[None])[None]
            self._words[instruction] = words
            if len(self._words) > SENTENCES_KEPT:
                self._words.popitem(last=False)
        self._words.move_to_end(instruction)
        return words

    @torch.inference_mode()
    def plan(self, prepared: Prepared) -> ActionChunk:
        """Run the network and lay its answer out in the contract's columns."""
        observation, config = prepared.observation, self.checkpoint.config
        condition = self._model.trunk(prepared.images, prepared.state, prepared.words)
        rows, gripper = self._model.head.plan(condition.vector[0], self._start, config.sampler)
        statistics = self.checkpoint.statistics
        actions = np.zeros((config.horizon, len(self._columns)))
        start = self._tool.start
        relative = statistics.rows.restore(rows[0].numpy().astype(float))
        actions[:, start : start + 3] = observation.T_base_tool.t + relative
        actions[:, start + 3 : self._tool.stop] = rotations.to_6d(statistics.rotation)
        actions[:, self._gripper] = gripper[0].numpy()[:, None] > 0.0
        return ActionChunk(
            t0_ns=observation.stamp_ns + config.step_ns,
            step_ns=config.step_ns,
            observation_stamp_ns=observation.stamp_ns,
            sequence=observation.sequence,
            epoch=observation.epoch,
            contract_digest=self.contract.digest,
            columns=self._columns,
            actions=actions,
            instruction=observation.instruction,
            timing=Timing(
                captured_ns=max(view.stamp_ns for view in observation.views.values()),
                assembled_ns=observation.assembled_ns,
            ),
        )
