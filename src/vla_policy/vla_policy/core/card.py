"""The model card that goes with a checkpoint."""

from vla_policy.core.config import PolicyConfig

BY_HAND = '<!-- Written by hand from here on; ./vla train keeps it. -->'
UNMEASURED = '\n\n## Measured\n\nNothing yet: `./vla eval --policy FOLDER --episodes 100`.\n'


def model_card(config: PolicyConfig, weights: str, before: str = '') -> str:
    """Return the text of a checkpoint's README.md.

    Args:
        config: Of the checkpoint.
        weights: SHA-256 of the weights, so that figures can name those they were measured with.
        before: The card that was there: what follows `BY_HAND` in it is kept.
    """
    by_hand = before.partition(BY_HAND)[2] or UNMEASURED
    t = config.training
    cameras = ', '.join(f'`{k}` {w}x{h}' for k, (h, w) in config.cameras.items())
    words = ' '.join(config.vocabulary[2:])
    prefix = config.rtc_max_delay
    continues = f', continues up to {prefix} settled rows' if prefix else ''
    return f"""# {config.head} policy for `{config.robot}`

A small vision-language-action policy: two pictures, the arm's state and a sentence in,
{config.horizon} rows of tool positions and gripper out, {config.step_ns / 1e6:.0f} ms apart. \
Trained from nothing in simulation on
the scripted expert's answers; no pretrained weights.

| | |
|---|---|
| cameras | {cameras}, RGB |
| state | tool position, commanded minus measured, finger opening and speed, last gripper bit |
| answer | tool position relative to the tool, one constant rotation (see below), gripper |
| head | {config.head}, \
{config.sampler.steps} {config.sampler.method} steps from zeros, so repeatable{continues} |
| demonstrations | {t.get('episodes')} episodes, {t.get('frames')} frames trained on, \
{t.get('sentences_per_frame')} sentences a frame |
| training | {t.get('steps')} steps, seed {t.get('seed')} |
| weights | SHA-256 `{weights[:16]}` |
| unseen frames, median | object {t.get('object_mm')} mm, row 5 {t.get('row_mm')} mm, \
gripper rows {t.get('gripper')} right |

Made by `./vla train --head {config.head}`.

## Limits

- One rotation: every row commands the tool rotation in `statistics.json`, the only one in the
  demonstrations. The runtime takes any rotation; this checkpoint has learned none other.
- It knows these words and no others: {words}.
- It was trained on pictures of one renderer with one set of settings (`model.render` of the
  contract); a real camera is outside of what it has seen.
- It plans from one moment without memory, and does not know when a task is over.
- No safety function: what it answers passes the executor's gate like any other chunk.

{BY_HAND}{by_hand}"""
