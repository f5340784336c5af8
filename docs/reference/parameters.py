"""Writes parameters.md beside it: `./vla shell -c "python3 docs/reference/parameters.py"`."""

from pathlib import Path

from vla_control.ros.params import ExecutorParams
from vla_eval.ros.metrics import MetricsParams
from vla_eval.ros.recorder import RecorderParams
from vla_perception.ros.node import ObserverParams
from vla_policy.ros.node import PolicyParams
from vla_ros.params import table
from vla_sim.ros.robot import RobotParams
from vla_sim.ros.scripted import ScriptedParams

NODES = {
    'observer': ObserverParams,
    'policy': PolicyParams,
    'policy (scripted)': ScriptedParams,
    'executor': ExecutorParams,
    'robot (simulated)': RobotParams,
    'recorder': RecorderParams,
    'metrics': MetricsParams,
}
HEAD = """# Parameters of the nodes

Written by `docs/reference/parameters.py` from the dataclasses that the nodes declare; a test holds
the two together. `config/nodes.yaml` overrides defaults, launch arguments override both.
"""


def page() -> str:
    """Return the page in Markdown."""
    parts = [f'\n## {name}\n\n{table(cls)}' for name, cls in NODES.items()]
    return HEAD + ''.join(parts)


if __name__ == '__main__':
    Path(__file__).with_suffix('.md').write_text(page(), encoding='utf-8')
