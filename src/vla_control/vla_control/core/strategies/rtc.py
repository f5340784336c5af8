"""Real-time chunking: the executor's half of it.

Black, Galliker and Levine 2025, algorithm 1: a chunk is followed for at least the execution
horizon, s_min = M rows, then the newest takes over at once. There is nothing to blend: the policy
knows what will be executed while it thinks (the executor publishes it as the plan) and inpaints
the rest, so it is the policy's half that makes the hand-over smooth.
"""

from vla_control.core.strategies.receding_horizon import RecedingHorizon


class RealTimeChunking(RecedingHorizon):
    """Changes chunk as `RecedingHorizon` does; the policy is guided under this name only.

    Changing at every picture instead binds each chunk to all but the last row of the one before:
    what a first plan did wrong is then hardly ever put right.
    """
