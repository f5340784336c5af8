"""Errors of the simulated robot: one line that says what was wrong and what would be right."""

from vla_core.errors import VlaError


class SimError(VlaError):
    """Base of the simulated robot's errors."""


class RenderError(SimError):
    """No picture could be drawn."""


class TaskError(SimError):
    """A task, a target or an instruction that the scene does not have."""


class JointError(SimError):
    """A command that the simulated robot does not take."""


class LayoutError(SimError):
    """No place was found for the objects of an episode."""
