"""The tasks: what each asks of the layout, when it is done, and how long it may take."""

from vla_sim.core.tasks._task import Task
from vla_sim.core.tasks.pick import Pick
from vla_sim.core.tasks.place import Place
from vla_sim.core.tasks.push import Push
from vla_sim.core.tasks.reach import Reach

TASKS: dict[str, Task] = {
    'reach': Reach(),
    'push': Push(),
    'pick': Pick(),
    'place': Place(),
}

__all__ = ['TASKS', 'Task']
