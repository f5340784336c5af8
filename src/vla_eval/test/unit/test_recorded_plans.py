"""What will be executed anyway, as the recorded policy was told it, however late it began."""

import bisect
from pathlib import Path

import pytest
from rosbags.rosbag2 import Reader as RosbagsReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from vla_core.contract import load
from vla_eval.core.bags.sensors import stamp_ns
from vla_eval.core.bags.simulated import record
from vla_eval.core.bags.tape import Tape
from vla_eval.core.episodes import Trial
from vla_eval.core.openloop.loop import OpenLoop, OpenLoopSettings
from vla_eval.core.robot import VirtualRobot
from vla_policy.core.hold import HoldPolicy
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
MESSAGES = ROOT / 'src' / 'vla_msgs' / 'msg'
KIND = 'vla_msgs/msg/ActionChunk'
SECOND, MS = 1_000_000_000, 1_000_000
STORE = get_typestore(Stores.ROS2_JAZZY)
for name in ('Timing', 'ActionChunk', 'Command'):
    text = (MESSAGES / f'{name}.msg').read_text()
    STORE.register(get_types_from_msg(text, f'vla_msgs/msg/{name}'))


@pytest.fixture(scope='module')
def quick(tmp_path_factory):
    """Return a bag whose chunks do not tell when their inference began."""
    simulator = Simulator(CONTRACT)
    folder = tmp_path_factory.mktemp('bags') / 'bag'
    expert = Scripted(CONTRACT, lambda stamp_ns: simulator.snapshot())
    record(folder, VirtualRobot(CONTRACT, simulator), expert, Trial('reach', 0, 41), MESSAGES)
    simulator.close()
    return folder


def began(source, target, late_ms, epochs_later=lambda k: 0):
    """Copy a bag; the inference of chunk k begins `late_ms(k)` after its picture."""
    with (
        RosbagsReader(source) as reader,
        Writer(target, version=9, storage_plugin=StoragePlugin.MCAP) as out,
    ):
        out.set_custom_data('instruction', 'reach the red block')
        made = {c.topic: out.add_connection(c.topic, c.msgtype, typestore=STORE)
                for c in reader.connections}  # fmt: skip
        written, count = [], 0
        for c, log_ns, raw in reader.messages():
            data = bytes(raw)
            if c.topic == '/vla/action_chunk':
                chunk = STORE.deserialize_cdr(data, KIND)
                received_ns = stamp_ns(chunk.observation_stamp) + round(late_ms(count) * MS)
                at = chunk.timing.received
                at.sec, at.nanosec = divmod(received_ns, SECOND)
                chunk.epoch += epochs_later(count)
                data, log_ns = bytes(STORE.serialize_cdr(chunk, KIND)), received_ns + 20 * MS
                count += 1
            written.append((log_ns, c.topic, data))
        for log_ns, topic, data in sorted(written, key=lambda one: one[0]):
            out.write(made[topic], log_ns, data)
    return target


class Noted:
    """Holds still; notes the plan that it is told beside each observation."""

    def __init__(self):
        self._hold, self.told = HoldPolicy(CONTRACT), {}

    def reset(self, epoch):
        pass

    def infer(self, observation, committed):
        self.told[observation.stamp_ns] = committed and committed.t0_ns
        return self._hold.infer(observation, committed)


def told(bag):
    policy = Noted()
    OpenLoop(CONTRACT, policy, OpenLoopSettings(deprive=False)).run(Tape(bag, CONTRACT))
    return policy.told


def heard(bag):
    """Return (log times, plans' t0) in order, read by rosbags alone."""
    with RosbagsReader(bag) as reader:
        plans = [(ns, STORE.deserialize_cdr(bytes(raw), KIND).t0)
                 for c, ns, raw in reader.messages() if c.topic == '/vla/plan']  # fmt: skip
    return [ns for ns, _ in plans], [stamp_ns(t0) for _, t0 in plans]


def test_a_chunk_is_made_from_the_plan_that_was_there_when_inference_began(quick, tmp_path):
    def late_ms(k):  # the next plans come after 100, 200, ... ms
        return (5, 90, 150, 320)[k % 4]

    bag = began(quick, tmp_path / 'bag', late_ms)
    log_ns, t0_ns = heard(bag)
    found = told(bag)
    assert len(found) > 10
    for k, (stamp, plan) in enumerate(sorted(found.items())):
        before = bisect.bisect_right(log_ns, stamp + late_ms(k) * MS)
        assert plan == (t0_ns[before - 1] if before else None), k
    assert sum(found[stamp] != plan for stamp, plan in told(quick).items()) > 5  # so it matters


def test_a_plan_of_another_epoch_was_none(quick, tmp_path):
    bag = began(quick, tmp_path / 'bag', lambda k: 50, lambda k: k == 7)
    plans = [plan for _, plan in sorted(told(bag).items())]
    assert plans[7] is None
    assert None not in plans[1:7] + plans[8:]
