"""The robot of the strategies' benchmark: watched at every tick, and one that needs no cameras."""

from collections.abc import Callable

from vla_control.core.settings import ExecutorSettings
from vla_core.command import Command, ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_core.timing import Timing
from vla_eval.core.robot import VirtualRobot
from vla_sim.core.simulator import Simulator


class WatchedRobot(VirtualRobot):
    """Tells what was commanded at every tick, and what every chunk took.

    Attributes:
        on_tick: Called at each tick with its command, None where nothing was sent.
        on_executed: Called with the timing of each chunk that was first followed.
    """

    def __init__(self, contract: RobotContract, simulator: Simulator):
        super().__init__(contract, simulator)
        self.on_tick: Callable[[Command | None], None] = lambda _: None
        self.on_executed: Callable[[Timing], None] = lambda _: None

    def use(self, settings: ExecutorSettings) -> None:
        """Execute by these settings from the next episode on."""
        self.executor_settings = settings

    def follow(self) -> Command | None:
        """See `VirtualRobot.follow`."""
        command = super().follow()
        self.on_tick(command)
        return command

    def status(self) -> ExecutorStatus:
        """See `VirtualRobot.status`."""
        before = len(self.executed)
        status = super().status()
        for timing in self.executed[before:]:
            self.on_executed(timing)
        return status


class BlindRobot(WatchedRobot):
    """Its observations hold joints and tool pose and no picture: for policies told the rest."""

    _sequence = 0

    def look(self) -> None:
        """There is nothing to look with."""

    def observe(self) -> Observation:
        """Return what the policy is given now."""
        status, contract = self.status(), self.contract
        positions, velocities = self.simulator.joint_state()
        self._sequence += 1
        return Observation(
            stamp_ns=self.now_ns,
            sequence=self._sequence,
            epoch=status.epoch,
            contract_digest=contract.digest,
            base_frame=contract.model.base_link,
            views={},
            state_names=contract.state.names,
            state=positions,
            state_velocity=velocities,
            state_stamp_ns=self.now_ns,
            T_base_tool=self.simulator.T_base_tool(),
            instruction=status.instruction,
            assembled_ns=self.now_ns,
        )
