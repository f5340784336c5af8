"""The executable `executor`."""

from vla_ros.run import run


def main() -> int:
    """Run the executor node until it is told to end."""
    return run('vla_control.ros.node:ExecutorNode')
