"""Hands recorded sensor messages to an observer, as its node does with live ones."""

from vla_eval.core.bags import sensors
from vla_eval.core.bags.decoder import Decoder
from vla_eval.core.bags.sensors import JointReading, SensorError
from vla_eval.core.bags.tape import Timed
from vla_perception.core.errors import PerceptionError
from vla_perception.core.observer import ObserverCore


class Feed:
    """Feeds one observer.

    Attributes:
        joints: The newest joint states, None before any.

    Args:
        observer: Gets what was seen.
        decoder: Of the bag.
    """

    def __init__(self, observer: ObserverCore, decoder: Decoder):
        self._observer, self._decoder = observer, decoder
        self.joints: JointReading | None = None

    def take(self, timed: Timed) -> bool:
        """Take a sensor message in; return whether an observation may have become possible.

        Raises:
            BagError: the message is not of the type that the bag says.
        """
        kind, _, key = timed.role.partition('/')
        message = self._decoder.decode(timed.message)
        if kind == 'camera':
            self._picture(key, message, timed.message.kind.rpartition('/')[2])
            return True
        if kind == 'info':
            K = message.k.reshape(3, 3)
            size = int(message.width), int(message.height)
            self._observer.add_camera_info(key, K, *size, message.header.frame_id)
            return False
        if kind == 'joints':
            self._joints(message)
        else:
            self._transforms(message, static=kind == 'tf_static')
        return self._observer.pending

    def _picture(self, key: str, message: object, kind: str) -> None:
        try:
            image = sensors.picture(message, kind)
            stamp_ns = sensors.stamp_ns(message.header.stamp)  # type: ignore[attr-defined]
            self._observer.add_image(key, stamp_ns, image)
        except (SensorError, PerceptionError) as error:
            self._observer.cameras[key].refuse('unreadable', str(error))

    def _joints(self, message: object) -> None:
        try:
            reading = sensors.joint_reading(message)
        except SensorError as error:
            self._observer.joints.refuse('unreadable', str(error))
            return
        self.joints = reading
        self._observer.add_joint_state(
            reading.stamp_ns, reading.names, reading.positions, reading.velocities
        )

    def _transforms(self, message: object, static: bool) -> None:
        try:
            for one in sensors.transforms(message):
                T = one.T_parent_child
                self._observer.add_transform(one.parent, one.child, one.stamp_ns, T, static)
        except (SensorError, PerceptionError):
            return  # as the node: dropped, and missed where it is asked for
