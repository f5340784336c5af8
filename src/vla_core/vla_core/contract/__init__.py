"""The robot contract: the only place that says what a robot is."""

from vla_core.contract.action import Action, Group
from vla_core.contract.camera import Camera
from vla_core.contract.contract import RobotContract, load
from vla_core.contract.limits import JointLimits, Limits
from vla_core.contract.parts import Model, Output, Rates, State

__all__ = [
    'Action',
    'Camera',
    'Group',
    'JointLimits',
    'Limits',
    'Model',
    'Output',
    'Rates',
    'RobotContract',
    'State',
    'load',
]
