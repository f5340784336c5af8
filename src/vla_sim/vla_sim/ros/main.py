"""Entry points of the executables; the nodes are imported once signals are blocked."""

from vla_ros.run import run


def robot() -> int:
    """Run the simulated robot."""
    return run('vla_sim.ros.robot:RobotNode')


def scripted() -> int:
    """Run the scripted policy."""
    return run('vla_sim.ros.scripted:ScriptedNode')
