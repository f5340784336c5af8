"""Parameters of the executor node."""

from dataclasses import dataclass

from vla_control.core.reasons import Reason
from vla_control.core.settings import MODES, ExecutorSettings
from vla_control.core.strategies import STRATEGIES
from vla_ros.params import NodeParams, contract_knob, frame_prefix_knob, knob


def mode_knob(check: Reason, meaning: str) -> str:
    """Describe what the gate does about a finding; its default is the core's."""
    return knob(MODES[check][0], meaning, choices=MODES[check], read_only=True)


@dataclass(frozen=True)
class ExecutorParams(NodeParams):
    """Parameters of the executor node; defaults are those of `ExecutorSettings`."""

    contract: str = contract_knob()
    frame_prefix: str = frame_prefix_knob()
    strategy: str = knob(
        ExecutorSettings.strategy,
        'Which rows of the chunks are followed.',
        choices=tuple(STRATEGIES),
        read_only=True,
    )
    execute_rows: int = knob(
        ExecutorSettings.execute_rows,
        'Rows that receding_horizon follows before a newer chunk takes over.',
        low=1,
        high=10_000,
        read_only=True,
    )
    ensemble_m: float = knob(
        ExecutorSettings.ensemble_m,
        'm of temporal_ensemble: weights exp(-m i), i = 0 the oldest chunk.',
        low=-100.0,
        high=100.0,
        read_only=True,
    )
    watchdog_s: float = knob(
        ExecutorSettings.watchdog_s,
        'Age of joint states above which there is silence.',
        low=0.01,
        high=60.0,
        read_only=True,
        unit='s',
    )
    max_lead_s: float = knob(
        ExecutorSettings.max_lead_s,
        'How far ahead of now a chunk may begin.',
        low=0.01,
        high=60.0,
        read_only=True,
        unit='s',
    )
    reach_tolerance_m: float = knob(
        ExecutorSettings.reach_tolerance_m,
        'Distance by which the tool may miss a row before the row is unreachable.',
        low=1e-4,
        high=1.0,
        read_only=True,
        unit='m',
    )
    reach_tolerance_rad: float = knob(
        ExecutorSettings.reach_tolerance_rad,
        'Angle by which the tool may miss a row before the row is unreachable.',
        low=1e-3,
        high=3.14,
        read_only=True,
        unit='rad',
    )
    open_above: float = knob(
        ExecutorSettings.open_above,
        'Gripper column above which a closed gripper opens.',
        low=0.0,
        high=1.0,
        read_only=True,
    )
    close_below: float = knob(
        ExecutorSettings.close_below,
        'Gripper column below which an open gripper closes.',
        low=0.0,
        high=1.0,
        read_only=True,
    )
    gripper_speed: float = knob(
        ExecutorSettings.gripper_speed,
        "Share of the finger's velocity limit at which it travels.",
        low=0.01,
        high=1.0,
        read_only=True,
    )
    mode_not_finite: str = mode_knob(Reason.NOT_FINITE, 'What to do about NaN and Inf.')
    mode_wrong_width: str = mode_knob(Reason.WRONG_WIDTH, 'What to do about a wrong width.')
    mode_position: str = mode_knob(
        Reason.POSITION, 'What to do at joint limits, braking distance included.'
    )
    mode_first_step: str = mode_knob(
        Reason.FIRST_STEP, 'What to do where motion would begin away from the measured joints.'
    )
    mode_velocity: str = mode_knob(Reason.VELOCITY, 'What to do above a velocity limit.')
    mode_stale_state: str = mode_knob(Reason.STALE_STATE, 'What to do about old joint states.')

    def settings(self) -> ExecutorSettings:
        """Return the settings of the core.

        Raises:
            SettingsError: two parameters contradict each other.
        """
        return ExecutorSettings(
            strategy=self.strategy,
            execute_rows=self.execute_rows,
            ensemble_m=self.ensemble_m,
            watchdog_s=self.watchdog_s,
            max_lead_s=self.max_lead_s,
            reach_tolerance_m=self.reach_tolerance_m,
            reach_tolerance_rad=self.reach_tolerance_rad,
            open_above=self.open_above,
            close_below=self.close_below,
            gripper_speed=self.gripper_speed,
            modes={check: getattr(self, f'mode_{check}') for check in MODES},
        )
