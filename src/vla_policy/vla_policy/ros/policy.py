"""The executable `policy`."""

from vla_ros.run import run


def main() -> int:
    """Run the policy node until it is told to end."""
    return run('vla_policy.ros.node:PolicyNode')
