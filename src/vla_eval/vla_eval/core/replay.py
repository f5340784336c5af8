"""Repeats recorded commands on the simulator: the same scene, the same times, through the gate."""

import numpy as np

from vla_control.core.commanded import Commanded, Measured
from vla_control.core.gate import Gate
from vla_control.core.pursuit import Pursuit
from vla_control.core.rows import RowLayout
from vla_control.core.settings import ExecutorSettings
from vla_core.command import ChunkCounts, GateCounts
from vla_eval.core.bags.commands import RecordedCommands
from vla_eval.core.errors import EvalError
from vla_eval.core.loop import GIVE_UP_NS
from vla_eval.core.results import EpisodeResult
from vla_eval.core.robot import VirtualRobot
from vla_sim.core.values import Outcome


class Replay:
    """Executes recorded commands in virtual time.

    Each row goes through the gate at the time at which it was sent, and nothing is sent between
    rows. A row that the gate refuses is not followed: the robot brakes, and goes on with the next
    one. When the rows are over, it brakes and holds.

    Args:
        robot: Where it moves.
        commands: What was sent.
    """

    def __init__(self, robot: VirtualRobot, commands: RecordedCommands):
        self._robot = robot
        self._commands = commands
        contract, settings = robot.contract, ExecutorSettings()
        self._order = [contract.state.names.index(name) for name in contract.output.joints]
        kinematics = Pursuit(contract, settings, RowLayout(contract)).kinematics
        self._gate = Gate(contract, settings.modes, settings.watchdog_ns, kinematics.tool_point)

    def run(self) -> EpisodeResult:
        """Execute them, to success or to the task's limit.

        Raises:
            EvalError: the robot does not begin where a command may.
        """
        robot, trial = self._robot, self._commands.trial
        episode = robot.begin(trial.task, trial.seed, words=self._commands.goal or None)
        commanded = Commanded(self._gate, np.empty(0, int))
        start_ns = robot.now_ns
        if not commanded.take_over(self._measured(), start_ns - robot.contract.rates.control_ns):
            raise EvalError(f'{trial.task} {trial.seed}: the robot begins outside its limits')
        outcome, moving = Outcome(), False
        sent = clipped = refused = 0
        while True:
            if robot.at_step:
                outcome = robot.simulator.outcome()
                if outcome.done or robot.elapsed_ns >= episode.limit_ns + GIVE_UP_NS:
                    break
            due = self._commands.until(robot.elapsed_ns, sent)
            over = sent == len(self._commands.positions)
            for row in self._commands.positions[sent : sent + due]:
                measured = self._measured().positions
                verdict = self._gate.check(row, commanded.motion, measured, 0, begins=not moving)
                moving = verdict.motion is not None
                if verdict.motion is not None:
                    commanded.move_to(verdict.motion, robot.now_ns)
                else:
                    commanded.brake(robot.now_ns)
                sent, refused = sent + 1, refused + (not moving)
                clipped += bool(verdict.clipped_by)
            if over:
                commanded.brake(robot.now_ns)
            if due or over:
                names = robot.contract.output.joints
                robot.simulator.command(names, commanded.positions.tolist())
            robot.pass_tick()
        return EpisodeResult(
            trial=trial,
            instruction=episode.instruction,
            heard=self._commands.instruction or episode.instruction,
            success=outcome.success,
            steps=outcome.steps,
            limit=episode.limit,
            gate=GateCounts(sent, clipped, refused),
            chunks=ChunkCounts(),
            stages_ms={},
        )

    def _measured(self) -> Measured:
        positions, velocities = self._robot.simulator.joint_state()
        order = self._order
        return Measured(self._robot.now_ns, positions[order], velocities[order])
