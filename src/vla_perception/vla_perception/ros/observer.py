"""The executable `observer`."""

from vla_ros.run import run


def main() -> int:
    """Run the observer until it is told to end; return the exit status."""
    return run('vla_perception.ros.node:ObserverNode')
