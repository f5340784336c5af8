"""Simulator, observer and executor on one virtual clock: the live graph without its middleware."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vla_control.core.executor import ChunkExecutor
from vla_control.core.settings import ExecutorSettings
from vla_core.command import Command, ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_core.timing import SECOND, Timing
from vla_perception.core.observer import ObserverCore, ObserverSettings
from vla_sim.core.simulator import Simulator
from vla_sim.core.values import Episode

START_NS = SECOND  # stamps are times > 0


@dataclass
class VirtualRobot:
    """Moves data between the cores as topics do, on the contract's control grid.

    Observer and executor are new for every episode and the clock starts anew, so that nothing of
    one episode reaches the next; the simulator is kept, because its pictures need a context.
    """

    contract: RobotContract
    simulator: Simulator
    executor_settings: ExecutorSettings = field(default_factory=ExecutorSettings)

    now_ns: int = field(default=START_NS, init=False)
    observer: ObserverCore = field(init=False)
    executor: ChunkExecutor = field(init=False)
    executed: list[Timing] = field(default_factory=list, init=False)

    def begin(
        self,
        task: str,
        seed: int,
        phrasing: str = 'known',
        arrange: Callable[[Simulator], None] | None = None,
        words: str | None = None,
    ) -> Episode:
        """Set the scene of an episode; the executor has no words yet and is idle.

        Args:
            task: Name of the task.
            seed: Of the episode.
            phrasing: Which words it may draw.
            arrange: Changes the scene before anything is measured.
            words: Instead of drawn ones; scene and verdict follow from them.
        """
        episode = self.simulator.reset(task, seed, words, phrasing)
        if arrange is not None:
            arrange(self.simulator)
        self.simulator.skip_to(START_NS)
        self.now_ns = START_NS
        self.observer = ObserverCore(self.contract, ObserverSettings())
        self.executor = ChunkExecutor(self.contract, self.executor_settings)
        self.executed = []
        for key, camera in self.contract.cameras.items():
            K = self.simulator.K(key)
            self.observer.add_camera_info(key, K, camera.width, camera.height)
        self._sense()
        return episode

    @property
    def elapsed_ns(self) -> int:
        """Virtual time since the episode began."""
        return self.now_ns - START_NS

    @property
    def at_step(self) -> bool:
        """Whether an observation is due now."""
        return self.elapsed_ns % self.contract.rates.observation_ns == 0

    @property
    def steps(self) -> int:
        """Whole observation periods since the episode began."""
        return self.elapsed_ns // self.contract.rates.observation_ns

    def instruct(self, words: str) -> None:
        """Give the executor words: a new epoch."""
        self.executor.instruct(words, self.now_ns)

    def status(self) -> ExecutorStatus:
        """Return the executor's status; timings of executed chunks are kept in `executed`."""
        status = self.executor.status(self.now_ns)
        self.executed.extend(timing for _, timing in status.executed)
        return status

    def look(self) -> None:
        """Let every camera take a picture; the observer gets those that arrive."""
        for frame in self.simulator.look():
            self.observer.add_image(frame.key, frame.stamp_ns, frame.image)

    def observe(self) -> Observation:
        """Return what the policy is given now.

        Raises:
            NotReady: an input is missing, stale or frozen.
        """
        status = self.status()
        self.observer.set_context(status.epoch, status.instruction)
        return self.observer.assemble(self.now_ns)

    def act(self) -> Command | None:
        """Do one control tick: the executor's command to the joints, then time to the next one."""
        command = self.follow()
        self.pass_tick()
        return command

    def follow(self) -> Command | None:
        """Give the executor's command of this tick to the joints."""
        command = self.executor.tick(self.now_ns)
        if command is not None:
            self.simulator.command(command.names, command.positions.tolist())
        return command

    def pass_tick(self) -> None:
        """Let time pass to the next control tick."""
        self.now_ns += self.contract.rates.control_ns
        self.simulator.advance(self.now_ns)
        self._sense()

    def act_until_step(self) -> None:
        """Do control ticks up to the next observation."""
        self.act()
        while not self.at_step:
            self.act()

    def _sense(self) -> None:
        now_ns, base = self.now_ns, self.contract.model.base_link
        positions, velocities = self.simulator.joint_state()
        self.executor.measure(now_ns, positions, velocities)
        self.observer.add_joint_state(now_ns, self.contract.state.names, positions, velocities)
        if not self.at_step:
            return  # pictures are taken at steps only, and no other moment's poses are asked for
        T_base_tool = self.simulator.T_base_tool()
        self.observer.add_transform(base, self.contract.model.tool, now_ns, T_base_tool)
        for key, camera in self.contract.cameras.items():
            T_base_camera = self.simulator.T_base_camera(key)
            self.observer.add_transform(base, camera.optical_frame, now_ns, T_base_camera)
