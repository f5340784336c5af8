"""Sends what a robot sends: two cameras and a thousand small messages a second.

`python sender.py SECONDS`: begins when every topic has a listener. Prints two lines of JSON:
`after_ns`, the stamp after which messages count, and when they are sent, `sent`: how many of each
topic.
"""

import json
import sys
import time

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image, JointState

from vla_ros import convert
from vla_ros.qos import qos

WIDTH, HEIGHT = 640, 480
CAMERAS, CAMERA_HZ = ('/camera/scene/image_raw', '/camera/wrist/image_raw'), 30
JOINTS, JOINTS_HZ = '/joint_states', 1000
NAMES = tuple(f'joint{k}' for k in range(1, 9))
PATIENCE_S = 60.0
FIRST_S, LAST_S = 1.0, 1.0  # uncounted before; there, silently, until all has been taken


def picture(count: int) -> np.ndarray:
    """Return (480, 640, 3) uint8 that moves with each count: smooth with some grain."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    grain = np.random.default_rng(0).integers(0, 12, (HEIGHT, WIDTH, 1))
    waves = 90 + 80 * np.sin((x + 7 * count) / 40) * np.cos(y / 55)
    base = waves[..., None] * np.array([1.0, 0.8, 0.6]) + grain
    return base.clip(0, 255).astype(np.uint8)


class Robot:
    """Publishes; knows how much."""

    def __init__(self) -> None:
        self._node = Node('sender')
        make = self._node.create_publisher
        self._cameras = {topic: make(Image, topic, qos('sensor')) for topic in CAMERAS}
        self._joints = make(JointState, JOINTS, qos('sensor'))
        self._pictures = [picture(k) for k in range(8)]
        self.now_ns = self._node.get_clock().now().nanoseconds

    @property
    def heard(self) -> bool:
        """Whether every topic has a listener."""
        publishers = (*self._cameras.values(), self._joints)
        return all(p.get_subscription_count() for p in publishers)

    def send(self, seconds: float) -> dict[str, int]:
        """Send for so long; return how many of each topic."""
        sent = dict.fromkeys((*CAMERAS, JOINTS), 0)
        begin = time.monotonic()
        for tick in range(round(seconds * JOINTS_HZ)):
            wait_s = begin + tick / JOINTS_HZ - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            self.now_ns = self._node.get_clock().now().nanoseconds
            positions = np.full(len(NAMES), tick * 1e-6)
            joints = convert.joint_state_to_msg(self.now_ns, NAMES, positions, positions)
            self._joints.publish(joints)
            sent[JOINTS] += 1
            if tick * CAMERA_HZ // JOINTS_HZ < sent[CAMERAS[0]]:
                continue
            for topic, publisher in self._cameras.items():
                image = self._pictures[sent[topic] % len(self._pictures)]
                publisher.publish(convert.image_to_msg(image, self.now_ns, 'optical'))
                sent[topic] += 1
        return sent


def main(seconds: float) -> None:
    """Send, for a second uncounted: a listener that is seen need not see yet."""
    robot = Robot()
    deadline = time.monotonic() + PATIENCE_S
    while not robot.heard:
        if time.monotonic() > deadline:
            sys.exit(f'no listener within {PATIENCE_S:g} s')
        time.sleep(0.05)
    robot.send(FIRST_S)
    say(after_ns=robot.now_ns)
    say(sent=robot.send(seconds))
    time.sleep(LAST_S)


def say(**what: object) -> None:
    """Print a line of JSON."""
    sys.stdout.write(json.dumps(what) + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    rclpy.init(args=[])
    main(float(sys.argv[1]))
    rclpy.try_shutdown()
