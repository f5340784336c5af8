"""From the name on a command line to a policy."""

from pathlib import Path

from vla_core.contract import RobotContract
from vla_core.policy import Policy
from vla_policy.core.checkpoint import CONFIG, Checkpoint, CheckpointError
from vla_policy.core.flow_policy import FlowPolicy
from vla_policy.core.hold import HoldPolicy
from vla_policy.core.rtc import RtcSettings


def find(name_or_folder: str, checkpoints_dir: Path | str) -> Path:
    """Return the folder of a checkpoint given by name or by path.

    Raises:
        CheckpointError: neither exists.
    """
    named = Path(checkpoints_dir) / name_or_folder
    if '/' not in name_or_folder and named.is_dir():
        return named
    if Path(name_or_folder).is_dir():
        return Path(name_or_folder)
    known = sorted(path.parent.name for path in Path(checkpoints_dir).glob(f'*/{CONFIG}'))
    raise CheckpointError(
        f'policy {name_or_folder!r}',
        f'hold, scripted, a folder or one of {", ".join(known) or "no checkpoints"} expected',
    )


def load_policy(
    name_or_folder: str,
    contract: RobotContract,
    checkpoints_dir: Path | str,
    threads: int | None = None,
    rtc: RtcSettings | None = None,
) -> Policy:
    """Return a policy, weights loaded and warm.

    Args:
        name_or_folder: `hold`, a checkpoint's name, or its folder. `scripted` needs the
            simulator's state and lives in vla_sim.
        contract: The robot.
        checkpoints_dir: Where named checkpoints lie.
        threads: Of torch, for the whole process; None leaves them as they are.
        rtc: How a checkpoint takes what will be executed anyway into account.

    Raises:
        CheckpointError: there is none, it is damaged, or it does not fit the contract.
    """
    if name_or_folder == 'hold':
        return HoldPolicy(contract)
    if name_or_folder == 'scripted':
        raise CheckpointError(
            "policy 'scripted'",
            "needs the simulator's state: vla_sim runs it, hold or a checkpoint expected",
        )
    checkpoint = Checkpoint.read(find(name_or_folder, checkpoints_dir))
    policy = FlowPolicy(checkpoint, contract, threads, rtc)
    policy.warm_up()
    return policy
