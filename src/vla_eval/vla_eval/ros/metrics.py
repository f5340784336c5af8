"""The executor's counters and latencies as text for Prometheus, on the loopback address."""

from dataclasses import asdict, dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from vla_msgs.msg import Command as CommandMsg
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg

from vla_core.command import ExecutorStatus, Mode
from vla_eval.core.errors import EvalError
from vla_eval.ros.counters import EpisodeCounts
from vla_ros import convert
from vla_ros.errors import MessageError
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, knob

LOOPBACK = '127.0.0.1'
BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)
AGAIN_S = 2.0  # a port that is taken is tried again so often


@dataclass(frozen=True)
class MetricsParams(NodeParams):
    """Parameters of the metrics node."""

    contract: str = contract_knob()
    port: int = knob(
        9464, 'TCP port of the text, on 127.0.0.1.', low=1, high=65535, read_only=True
    )


class Metrics:
    """Counts what statuses and commands tell; restarts of the executor do not set it back."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of = {'registry': self.registry}
        self._gate = Counter(
            'vla_gate_ticks', 'Control ticks by what became of them.', ['what'], **of
        )
        self._chunks = Counter('vla_chunks', 'Chunks by what became of them.', ['what'], **of)
        self._clips = Counter('vla_gate_clips', 'Commands clipped, by check.', ['check'], **of)
        self._mode = Gauge('vla_executor_mode', '1 for the mode in force.', ['mode'], **of)
        self._latency = Histogram(
            'vla_latency_seconds', 'Of followed chunks.', ['stage'], buckets=BUCKETS_S, **of
        )
        self._counts: EpisodeCounts | None = None

    def see_status(self, status: ExecutorStatus) -> None:
        """Take a status in."""
        for mode in Mode:
            self._mode.labels(mode.value).set(mode == status.mode)
        for _, timing in status.executed:
            for stage, ms in timing.stages_ms().items():
                self._latency.labels(stage).observe(ms / 1e3)
        if self._counts is None:
            self._counts = EpisodeCounts(status)
            self._add(asdict(status.gate), asdict(status.chunks))
            return
        gate, chunks = asdict(self._counts.gate), asdict(self._counts.chunks)
        self._counts.add(status)
        self._counts.executed.clear()  # told above; a node that runs for months keeps none
        self._add(
            {k: v - gate[k] for k, v in asdict(self._counts.gate).items()},
            {k: v - chunks[k] for k, v in asdict(self._counts.chunks).items()},
        )

    def see_clips(self, checks: list[str]) -> None:
        """Take in which checks changed a command."""
        for check in checks:
            self._clips.labels(check).inc()

    def _add(self, gate: dict[str, int], chunks: dict[str, int]) -> None:
        for counter, grown in ((self._gate, gate), (self._chunks, chunks)):
            for what, count in grown.items():
                counter.labels(what).inc(max(0, count))


class MetricsNode(SuiteNode):
    """Moves statuses and commands to `Metrics`, which the server reads."""

    NAME, PARAMS = 'metrics', MetricsParams
    _server: Any = None

    def on_setup(self, params: MetricsParams) -> None:
        """Listen, and serve the text."""
        self._metrics = Metrics()
        self._refused = ''
        self._listen()
        if self._refused:  # no reason to end: a supervisor that gives up on a node ends the graph
            self.every(AGAIN_S, self._listen)
        self.subscribe(ExecutorStatusMsg, 'vla/status', self._on_status, 'status')
        self.subscribe(CommandMsg, 'vla/command', self._on_command, 'command')

    def _listen(self) -> None:
        """Serve the text, unless it is served; a port that is taken is tried again later."""
        if self._server is not None:
            return
        port = self.params.port
        try:
            self._server, _ = start_http_server(port, LOOPBACK, self._metrics.registry)
        except OSError as error:
            refused = f'port {port}: {(error.strerror or str(error)).lower()}'
            if refused != self._refused:
                self.say(EvalError(f'{refused}; no metrics until it is free'))
            self._refused = refused
            self.health.error('endpoint', refused)
            return
        self.keep(self._server, self._close)
        self.health.ok('endpoint', f'http://{LOOPBACK}:{port}/metrics')

    def _close(self, server: Any) -> None:
        self._server = None
        server.shutdown()
        server.server_close()

    def _on_status(self, msg: ExecutorStatusMsg) -> None:
        try:
            self._metrics.see_status(convert.status_from_msg(msg))
        except MessageError as error:
            self.health.warn('status', str(error))

    def _on_command(self, msg: CommandMsg) -> None:
        self._metrics.see_clips(list(msg.clipped_by))
