"""Entry points of the executables; the nodes are imported once signals are blocked."""

from vla_ros.run import run


def recorder() -> int:
    """Run the recorder."""
    return run('vla_eval.ros.recorder:RecorderNode')


def metrics() -> int:
    """Run the endpoint for Prometheus."""
    return run('vla_eval.ros.metrics:MetricsNode')
