"""A small node that can be told to misbehave."""

import time
from dataclasses import dataclass

from std_msgs.msg import String

from vla_core.errors import FieldError
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, knob
from vla_ros.ticker import Ticker

MS = 1_000_000


@dataclass(frozen=True)
class ToyParams(NodeParams):
    """Parameters of the toy."""

    period_ms: float = knob(10.0, 'Period.', low=1.0, high=1000.0, unit='ms', read_only=True)
    refuse: bool = knob(False, 'Refuse to be configured.', read_only=True)
    break_in: str = knob(
        '', 'Hook that raises.', choices=('', 'setup', 'start', 'tick', 'stop', 'teardown')
    )
    load_s: float = knob(0.0, 'Seconds that configuring takes.', low=0.0)
    greeting: str = knob('hello', 'What it says.')


class Toy(SuiteNode):
    """Says its greeting and a number on `out` each tick; raises at words on `in`."""

    NAME, PARAMS = 'toy', ToyParams

    def on_setup(self, params: ToyParams) -> None:
        """Refuse, break or take long, as told."""
        if params.refuse:
            raise FieldError('toy.mood', 'bad,\n  good expected')
        self._out = self.advertise(String, 'out', 'reliable')
        self.subscribe(String, 'in', self._on_word, 'reliable')
        self._ticker = Ticker(self.get_clock(), int(params.period_ms * MS), self._tick, self.fail)
        self._count = 0
        if params.load_s:
            self.get_logger().info('loading')
            time.sleep(params.load_s)
        self._break('setup')

    def on_start(self) -> None:
        """Begin to tick."""
        self.health.ok('mood')
        self._break('start')
        self._ticker.start()

    def on_stop(self, reason: str) -> None:
        """Say goodbye."""
        self._ticker.stop()
        self._out.publish(String(data=f'goodbye {reason}'))
        self._break('stop')

    def on_teardown(self) -> None:
        """Break, as told."""
        self._break('teardown')

    def _tick(self, now_ns: int) -> None:
        self._count += 1
        self._out.publish(String(data=f'{self.params.greeting} {self._count}'))
        if self._count == 5:
            self._break('tick')

    def _on_word(self, msg: String) -> None:
        raise ValueError(f'I do not like\n{msg.data}')

    def _break(self, where: str) -> None:
        if self.params.break_in == where:
            raise RuntimeError(f'broken in\n{where}')
