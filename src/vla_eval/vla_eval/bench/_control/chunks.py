"""What it costs to let a chunk of 50 x 14 in: decoded, checked, put where it belongs in time."""

import time

from vla_control.core.settings import ExecutorSettings
from vla_eval.bench import BenchOptions, Row, percentile
from vla_eval.bench._control.feeding import Fed
from vla_eval.bench._control.timing import spread, undisturbed
from vla_eval.bench._screen import Screen

HORIZON, JOINTS = 50, 14
CHUNKS, QUICK_CHUNKS, WARM = 5000, 800, 100


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `chunk_accept`."""
    from rclpy.serialization import deserialize_message, serialize_message  # ROS only here
    from vla_msgs.msg import ActionChunk as ActionChunkMsg

    from vla_control.ros.inputs import read_chunk
    from vla_ros import convert

    fed = Fed.chain(JOINTS, HORIZON, ExecutorSettings())
    count = QUICK_CHUNKS if options.quick else CHUNKS
    clock = time.perf_counter_ns
    took: list[float] = []
    taken_up: list[float] = []
    with screen.part('chunks', count) as part, undisturbed():
        for _ in range(WARM + count):
            raw = serialize_message(convert.chunk_to_msg(fed.chunk()))
            begin = clock()
            chunk = read_chunk(deserialize_message(raw, ActionChunkMsg))
            fed.executor.accept(chunk, fed.now_ns)
            took.append((clock() - begin) / 1e3)
            begin = clock()
            fed.tick()  # the one that takes the chunk up, where the strategy wants it
            taken_up.append((clock() - begin) / 1e3)
            while not fed.due:
                fed.tick()
            fed.executor.status(fed.now_ns)
            part.advance()
    took, taken_up = took[WARM:], taken_up[WARM:]
    more = {
        **spread(took),
        'horizon': HORIZON,
        'columns': JOINTS,
        'next_tick_p50': round(percentile(taken_up, 50), 3),
        'overlapping': HORIZON,
    }
    value = percentile(took, 50)
    return [Row.judged('chunk_accept', value, 'us', below=200.0, what='p50', more=more)]
