"""The stop latch: the first reason wins and stays until it is cleared."""


class StopLatch:
    """Remembers why the robot was stopped.

    Attributes:
        reason: Why, '' while nothing is latched.
        count: Stops latched so far.
    """

    def __init__(self) -> None:
        self.reason = ''
        self.count = 0

    def request(self, reason: str) -> None:
        """Latch `reason`, unless a stop is latched already."""
        if not self.reason:
            self.reason = reason or 'unnamed'
            self.count += 1

    def release(self) -> None:
        """Forget the reason."""
        self.reason = ''
