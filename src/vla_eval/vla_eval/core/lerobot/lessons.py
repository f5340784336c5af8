"""Episodes of a LeRobotDataset as demonstrations that a policy of the suite is trained on."""

from collections.abc import Iterator

import numpy as np

from vla_core import rotations
from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_eval.core.errors import DatasetFormatError
from vla_eval.core.lerobot import layout
from vla_eval.core.lerobot.dataset import Episode, LerobotDataset
from vla_eval.core.openloop.paths import Geometry
from vla_policy.core.dataset import HELD_OUT, Dataset
from vla_policy.core.demonstration import Demonstration
from vla_policy.core.features import FeatureError, gripper_group, tool_group

LARGEST_TILT = 0.15  # rad, of a tool that counts as held in one rotation
NOWHERE = 0.0  # m: where objects are a dataset does not tell, and lessons about it weigh nothing


class Lessons:
    """Reads a dataset as one robot's demonstrations.

    Args:
        dataset: Whose widths, names, cameras and rate are the contract's.
        contract: The robot.
        horizon: Rows of each label.

    Raises:
        DatasetFormatError: it is of another robot, or its robot has no tool and gripper.
    """

    def __init__(self, dataset: LerobotDataset, contract: RobotContract, horizon: int):
        dataset.check(contract)
        if len(dataset.episodes) < 2:
            raise DatasetFormatError(f'{dataset.folder}: two or more episodes expected to learn')
        try:
            self._tool, self._gripper = tool_group(contract), gripper_group(contract)
        except FeatureError as error:
            raise DatasetFormatError(f'{contract.robot}: {error}') from None
        self._dataset, self._contract, self._horizon = dataset, contract, horizon
        self._geometry = Geometry(contract)
        names = contract.state.names
        self._outputs = [names.index(name) for name in contract.output.joints]
        actions = dataset.rows(dataset.episodes[0])[layout.ACTION].astype(np.float64)
        turned = np.stack([rotations.to_6d(T.R) for T in self._tools(actions)])
        # the one rotation that the policy keeps; what is near to it in all episodes counts as it
        self._rotation = rotations.to_6d(rotations.from_6d(turned.mean(0)))

    def write(self, into: Dataset) -> Iterator[int]:
        """Write the episodes that are missing; yield the frames of each.

        Raises:
            DatasetFormatError: it is damaged.
        """
        for count, episode in enumerate(self._dataset.episodes):
            index = self.index(count)
            if not into.has(index):
                demonstration = self.demonstration(episode)
                into.append_episode(index, demonstration)
                yield episode.length

    def index(self, count: int) -> int:
        """Return the number under which the episode of a count is kept.

        Every 17th validates; of fewer the last one does.
        """
        total = len(self._dataset.episodes)
        return HELD_OUT - 1 if total < HELD_OUT and count == total - 1 else count

    def demonstration(self, episode: Episode) -> Demonstration:
        """Return an episode.

        Raises:
            DatasetFormatError: it is damaged, or the tool turns.
        """
        contract, frames = self._contract, episode.length
        rows = self._dataset.rows(episode)
        state = rows[layout.STATE].astype(np.float64)
        velocity = rows.get(layout.VELOCITY)
        if velocity is None:
            velocity = np.gradient(state, axis=0) * self._dataset.fps if frames > 1 else 0 * state
        measured = self._tools(state[:, self._outputs])
        commanded = self._tools(rows[layout.ACTION].astype(np.float64))
        opening = self._openings(rows[layout.ACTION])
        # Row k is meant for the frame's time + (1 + k) steps; at the end the robot stays.
        after = np.minimum(np.arange(frames)[:, None] + 1 + np.arange(self._horizon), frames - 1)
        columns = self._columns(episode, commanded, opening)
        pictures = {key: self._pictures(episode, key) for key in contract.cameras}
        return Demonstration(
            images=pictures,
            intrinsics=self._optics(rows, frames),
            camera_poses=self._camera_poses(rows, frames),
            state=state,
            state_velocity=velocity,
            tool_position=np.stack([T.t for T in measured]),
            commanded_position=np.stack([T.t for T in commanded]),
            gripper=opening,
            texts=(self._dataset.tasks[int(rows['task_index'][0])],),
            sentence=np.zeros((frames, 1), np.int32),
            chunks=columns[after][:, None],
            object_position=np.full((frames, 1, 3), NOWHERE),
            plate_position=np.full((frames, 3), NOWHERE),
            notes={'dataset': self._dataset.folder.name, 'episode': str(episode.index)},
        )

    def _tools(self, joints: np.ndarray) -> list[SE3]:
        """Return T_base_tool of joints (F, J)."""
        return [self._geometry.forward(row) for row in joints]

    def _openings(self, joints: np.ndarray) -> np.ndarray:
        """Return the gripper (F,) as it is commanded: 1 open, 0 closed."""
        finger = joints[:, self._contract.output.joints.index(self._gripper.names[0])]
        closed, opened = self._gripper.closed, self._gripper.open
        return np.asarray((finger - closed) / (opened - closed) > 0.5, np.float64)

    def _columns(self, episode: Episode, tools: list[SE3], opening: np.ndarray) -> np.ndarray:
        """Return commanded rows (F, A) in the contract's columns, in the one rotation."""
        action = self._contract.action
        R_tool_base = rotations.from_6d(self._rotation).T
        tilt = max(float(np.linalg.norm(SE3(R_tool_base @ T.R).log()[3:])) for T in tools)
        if tilt > LARGEST_TILT:
            raise DatasetFormatError(
                f'{self._dataset.folder}: episode {episode.index}: the tool turns by {tilt:.2f} '
                f'rad; the policy keeps one rotation, {LARGEST_TILT:g} rad at most expected'
            )
        rows = np.zeros((len(tools), len(action.columns)))
        start = action.slice_of(self._tool).start
        rows[:, start : start + 3] = np.stack([T.t for T in tools])
        rows[:, start + 3 : start + 9] = self._rotation
        rows[:, action.slice_of(self._gripper).start] = opening
        return rows

    def _pictures(self, episode: Episode, key: str) -> np.ndarray:
        camera = self._contract.cameras[key]
        out = np.empty((episode.length, camera.height, camera.width, 3), np.uint8)
        for k, image in enumerate(self._dataset.pictures(episode, key)):
            out[k] = image
        return out

    def _optics(self, rows: dict[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
        """Return K by camera; any where the dataset does not tell: nothing is learned from it."""
        found = {}
        for k, key in enumerate(self._contract.cameras):
            K = np.tile(np.eye(3), (frames, 1, 1))
            if layout.OPTICS in rows:
                fx, fy, cx, cy = rows[layout.OPTICS][:, 4 * k : 4 * k + 4].T
                K[:, 0, 0], K[:, 1, 1], K[:, 0, 2], K[:, 1, 2] = fx, fy, cx, cy
            found[key] = K
        return found

    def _camera_poses(self, rows: dict[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
        """Return T_base_camera by camera; the base's own where the dataset does not tell."""
        found = {}
        for k, key in enumerate(self._contract.cameras, 1):
            poses = np.tile(np.eye(4), (frames, 1, 1))
            if layout.POSES in rows:
                numbers = rows[layout.POSES][:, 7 * k : 7 * k + 7].astype(np.float64)
                poses = np.stack([SE3.from_quaternion(row[3:], row[:3]).matrix for row in numbers])
            found[key] = poses
        return found
