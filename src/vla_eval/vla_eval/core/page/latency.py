"""Where the time between a picture and its command goes."""

from vla_eval.core import plots
from vla_eval.core.page import markup
from vla_eval.core.page.run import Run

STAGES = {
    'capture_to_assembled': 'capture to an observation with everything in it',
    'assembled_to_received': 'observation on its way to the policy',
    'preprocess': 'pictures, state and words to tensors',
    'inference': 'the model',
    'inferred_to_published': 'answer to message',
    'published_to_command': 'chunk on its way, and the wait for its first tick',
    'capture_to_command': 'capture of the newest picture to the first command that follows it',
}
WALL = {
    'capture': 'drawing the cameras',
    'assemble': 'the observer',
    'inference': 'the policy, preprocessing included',
    'capture_to_command': 'all of it: drawing, observer, policy and the tick that follows',
    'tick': 'executor, joints and physics of one control tick',
}


def section(run: Run) -> str:
    """Return latencies by stage, on the clock of the run and on the wall's."""
    report = run.report
    virtual = report['clock'] == 'virtual'
    body = markup.figure(
        plots.latency(report['latency_ms']),
        'Per executed chunk. Dot: median, thick: 95th percentile, tick mark: 99th. '
        + (
            'On the virtual clock: the injected latency and the wait for the next tick.'
            if virtual
            else 'Measured from ROS stamps, through every process on the way.'
        ),
    ) + markup.table(markup.STAGE_HEAD, markup.stages(report['latency_ms'], STAGES))
    if virtual:
        wall = report['wall']['latency_ms']
        body += (
            '<h3>Wall clock</h3><p class="note">What the work itself took on this machine, while '
            'the virtual clock stood still.</p>'
            + markup.table(markup.STAGE_HEAD, markup.stages(wall, WALL))
        )
    return markup.section('Latency by stage', body)
