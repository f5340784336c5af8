"""An executor whose core breaks in the middle of a motion."""

from vla_control.ros.node import ExecutorNode


class BrokenCore:
    """Passes everything on to a core, until it has followed a chunk for 20 ticks."""

    def __init__(self, core):
        self._core, self._left = core, 20

    def __getattr__(self, name):
        return getattr(self._core, name)

    def tick(self, now_ns):
        command = self._core.tick(now_ns)
        self._left -= bool(command is not None and command.sources)
        if self._left <= 0:
            raise RuntimeError('the core is broken')
        return command


class BrokenNode(ExecutorNode):
    """The executor around a core that breaks."""

    def on_setup(self, params):
        super().on_setup(params)
        self._core = BrokenCore(self._core)
