"""How a command beside a running graph finds it."""

from vla_cli import domain, transport
from vla_cli.errors import RunError
from vla_cli.places import Places


def environment(command: str, env: dict[str, str], places: Places) -> dict[str, str]:
    """Return `env` with the domain and transport of the graph that runs on this machine.

    A domain that is named already is joined, whoever's graph is on it.

    Raises:
        RunError: none runs, and none is named.
    """
    running = domain.running_graph(env)
    if running is None and domain.VARIABLE not in env:
        raise RunError(
            f'./vla {command}: no graph runs on this machine; start one (./vla launch), or name '
            f'the DDS domain of one with {domain.VARIABLE}'
        )
    profile = running.transport if running else 'host'
    env = {**transport.variables(places, profile), **env}
    if running:
        env[domain.VARIABLE] = str(running.number)
    return env
