"""A policy that infers at the contract's observation rate, for ever: what runs beside the tick.

`python policy_process.py ROOT`: prints a line when it has begun.
"""

import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Run."""
    import torch

    from vla_control.core.settings import ExecutorSettings
    from vla_core.contract import load
    from vla_eval.core.robot import VirtualRobot
    from vla_policy.core.registry import load_policy
    from vla_sim.core.simulator import Simulator

    torch.set_num_threads(1)
    root = Path(sys.argv[1])
    contract = load(root / 'config' / 'robots' / 'tabletop.yaml')
    scene = VirtualRobot(contract, Simulator(contract), ExecutorSettings())
    episode = scene.begin('reach', 1)
    scene.instruct(episode.instruction)
    scene.look()
    observation, committed = scene.observe(), scene.executor.plan(scene.now_ns)
    policy = load_policy('flow', contract, root / 'checkpoints')
    policy.reset(observation.epoch)
    parent = os.getppid()
    took = []
    due = time.monotonic_ns()
    while os.getppid() == parent:
        begin = time.perf_counter_ns()
        policy.infer(observation, committed)
        took.append((time.perf_counter_ns() - begin) / 1e6)
        if len(took) == 10:
            sys.stdout.write(f'{sorted(took)[5]:.1f}\n')
            sys.stdout.flush()
        due = max(due + contract.rates.observation_ns, time.monotonic_ns())
        time.sleep(max(0.0, (due - time.monotonic_ns()) / 1e9))


if __name__ == '__main__':
    main()
