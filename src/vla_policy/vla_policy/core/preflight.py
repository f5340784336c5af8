"""Does a checkpoint fit a robot contract? Asked before any weight is loaded."""

from vla_core.contract import RobotContract
from vla_policy.core.checkpoint import Checkpoint
from vla_policy.core.features import FeatureError, gripper_group, tool_group


def compare(contract: RobotContract, checkpoint: Checkpoint) -> list[str]:
    """Return one line per mismatch: what, where, what to change; empty where they fit."""
    config, found = checkpoint.config, []
    for key, (height, width) in config.cameras.items():
        camera = contract.cameras.get(key)
        if camera is None:
            has = ', '.join(contract.cameras)
            found.append(
                f'cameras.{key}: the checkpoint looks through it, the contract of '
                f'{contract.robot} has {has}; name one of its cameras {key}'
            )
        elif (camera.height, camera.width) != (height, width):
            found.append(
                f'cameras.{key}: the checkpoint wants {width}x{height}, the contract gives '
                f'{camera.width}x{camera.height}; set width and height to those of the checkpoint'
            )
    for key in contract.cameras:
        if key not in config.cameras:
            found.append(
                f'cameras.{key}: the checkpoint was trained without it; '
                'take it out of the contract or train again'
            )
    found += _names('state.names', config.state_names, contract.state.names)
    found += _names('action columns', config.columns, contract.action.columns)
    if config.step_ns != contract.rates.step_ns:
        found.append(
            f'rates.chunk_step_s: the checkpoint plans rows {config.step_ns / 1e9} s apart, '
            f"the contract says {contract.rates.chunk_step_s}; set it to the checkpoint's"
        )
    for needed in (tool_group, gripper_group):
        try:
            needed(contract)
        except FeatureError as error:
            found.append(f'{error}; the {config.head} head needs it')
    if not found and config.contract_digest != contract.digest:
        found.append(
            f'contract digest: the checkpoint was trained for {config.contract_digest[:12]} '
            f'({config.robot}), the contract has {contract.digest[:12]}: crop, rotation, '
            'model.render, units or representation differ; restore them or train again'
        )
    return found


def _names(where: str, wanted: tuple[str, ...], given: tuple[str, ...]) -> list[str]:
    if wanted == given:
        return []
    if len(wanted) != len(given):
        return [
            f'{where}: the checkpoint has {len(wanted)} ({", ".join(wanted)}), the contract '
            f'{len(given)} ({", ".join(given)}); make them the same'
        ]
    k = next(i for i, pair in enumerate(zip(wanted, given, strict=True)) if pair[0] != pair[1])
    return [
        f'{where}[{k}]: the checkpoint has {wanted[k]!r}, the contract {given[k]!r}; '
        'give the contract the names and order of the checkpoint'
    ]
