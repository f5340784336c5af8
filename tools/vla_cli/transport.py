"""Transport profiles: which interfaces the middleware of a graph uses."""

from vla_cli.places import Places

# host: shared memory and the loopback address, nothing is reachable from outside
# lan: shared memory and every network interface
PROFILES = ('host', 'lan')
VARIABLE = 'FASTRTPS_DEFAULT_PROFILES_FILE'


def variables(places: Places, name: str) -> dict[str, str]:
    """Return the environment variables that select a profile; every process needs them."""
    return {VARIABLE: str(places.root / 'config' / 'dds' / f'{name}.xml')}
