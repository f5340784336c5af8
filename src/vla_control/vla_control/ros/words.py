"""The instruction topic, on which the executor both listens and tells the words in force."""

from collections import deque
from collections.abc import Callable

from std_msgs.msg import String

from vla_ros.lifecycle import SuiteNode

TOPIC = 'vla/instruction'


class Words:
    """Listens to words from others, and tells words that came another way.

    What it tells comes back to it, later: taken for someone else's, it would undo words that came
    in between.
    """

    def __init__(self, node: SuiteNode, heard: Callable[[str], None]):
        """Listen.

        Args:
            node: The node.
            heard: Called with words from others.
        """
        self._heard = heard
        self._told: deque[str] = deque(maxlen=100)
        self._publisher = node.advertise(String, TOPIC, 'latched')
        node.subscribe(String, TOPIC, self._on_words, 'latched', needed=False)

    def tell(self, text: str) -> None:
        """Tell the words in force."""
        self._told.append(text)
        self._publisher.publish(String(data=text))

    def _on_words(self, msg: String) -> None:
        if msg.data in self._told:  # what was told before it was overtaken in the queue
            while self._told.popleft() != msg.data:
                pass
            return
        self._heard(msg.data)
