"""Parameters of the executor node."""

from dataclasses import dataclass

from vla_control.core.modes import MODES, OFF
from vla_control.core.reasons import Reason
from vla_control.core.settings import BLENDS, LARGEST_M, ExecutorSettings
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
        'Which rows of the chunks are followed; a change holds from the next epoch on.',
        choices=tuple(STRATEGIES),
    )
    execute_rows: int = knob(
        ExecutorSettings.execute_rows,
        'Rows that sync, receding_horizon and rtc follow of one chunk; next epoch.',
        low=1,
        high=10_000,
    )
    ensemble_m: float = knob(
        ExecutorSettings.ensemble_m,
        'm of temporal_ensemble: weights exp(-m i), i = 0 the oldest chunk; next epoch.',
        low=-LARGEST_M,
        high=LARGEST_M,
    )
    blend_rows: int = knob(
        ExecutorSettings.blend_rows,
        'Rows over which async hands over to a newer chunk, 0 for at once; next epoch.',
        low=0,
        high=10_000,
    )
    blend: str = knob(ExecutorSettings.blend, 'How async hands over; next epoch.', choices=BLENDS)
    geometry: bool = knob(
        ExecutorSettings.geometry,
        'Average rotations on SO(3) and grippers by vote, else plain numbers; next epoch.',
    )
    dry_run: bool = knob(
        False,
        'Tell commands and send none to the robot; nothing will be executed, so no plan is told, '
        'and that measured joints do not follow is no finding.',
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
    mode_acceleration: str = mode_knob(
        Reason.ACCELERATION, 'What to do above an acceleration limit.'
    )
    mode_jerk: str = mode_knob(Reason.JERK, 'What to do above a jerk limit.')
    mode_tool_speed: str = mode_knob(
        Reason.TOOL_SPEED, 'What to do above the largest speed of the tool point.'
    )
    mode_workspace: str = mode_knob(
        Reason.WORKSPACE, 'What to do where the tool, now or on its stop, would leave the box.'
    )
    mode_stale_state: str = mode_knob(Reason.STALE_STATE, 'What to do about old joint states.')
    mode_disagreement: str = mode_knob(
        Reason.DISAGREEMENT, 'What to do where measured joints are far from the commanded ones.'
    )

    def settings(self) -> ExecutorSettings:
        """Return the settings of the core.

        Raises:
            SettingsError: two parameters contradict each other.
        """
        modes = {check: getattr(self, f'mode_{check}') for check in MODES}
        if self.dry_run:
            modes[Reason.DISAGREEMENT] = OFF
        return ExecutorSettings(
            strategy=self.strategy,
            execute_rows=self.execute_rows,
            ensemble_m=self.ensemble_m,
            blend_rows=self.blend_rows,
            blend=self.blend,
            geometry=self.geometry,
            watchdog_s=self.watchdog_s,
            max_lead_s=self.max_lead_s,
            reach_tolerance_m=self.reach_tolerance_m,
            reach_tolerance_rad=self.reach_tolerance_rad,
            open_above=self.open_above,
            close_below=self.close_below,
            gripper_speed=self.gripper_speed,
            modes=modes,
        )
