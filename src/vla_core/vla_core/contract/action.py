"""What a policy commands: ordered groups of columns, each with kind, unit and frame."""

from dataclasses import dataclass

from vla_core.contract.section import Section

KINDS = ('joint_position', 'joint_delta', 'tool_pose', 'tool_delta', 'gripper')
ROTATIONS = {
    '6d': ('r11', 'r21', 'r31', 'r12', 'r22', 'r32'),
    'quaternion': ('qw', 'qx', 'qy', 'qz'),
    'axis_angle': ('rx', 'ry', 'rz'),
    'euler': ('roll', 'pitch', 'yaw'),  # only for reading old checkpoints
}


@dataclass(frozen=True)
class Group:
    """Columns that belong together.

    Attributes:
        name: Prefix of the columns' names.
        kind: One of `KINDS`.
        names: Joints (joint kinds), () for tool kinds, the finger joint for `gripper`.
        frame: Frame of tool poses and of tool deltas' axes; '' for joint kinds.
        rotation: Representation for tool kinds, '' otherwise.
        relative_to: For deltas: `observation` (the pose seen) or `previous` (the row before).
        open: For `gripper`: finger position at column value 1, m or rad.
        closed: For `gripper`: finger position at column value 0, m or rad.
    """

    name: str
    kind: str
    names: tuple[str, ...]
    frame: str = ''
    rotation: str = ''
    relative_to: str = ''
    open: float = 0.0
    closed: float = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        if self.kind.startswith('joint'):
            return self.names
        if self.kind == 'gripper':
            return (self.name,)
        return tuple(f'{self.name}.{c}' for c in ('x', 'y', 'z', *ROTATIONS[self.rotation]))

    @classmethod
    def read(cls, section: Section) -> 'Group':
        """Read one element of a contract's `action.groups`."""
        kind = section.text('kind', KINDS)
        tool, gripper = kind.startswith('tool'), kind == 'gripper'
        group = cls(
            name=section.text('name'),
            kind=kind,
            names=() if tool else section.names('joints'),
            frame=section.text('frame') if tool else '',
            rotation=section.text('rotation', tuple(ROTATIONS)) if tool else '',
            relative_to=section.text('relative_to', ('observation', 'previous'))
            if kind.endswith('delta')
            else '',
            open=section.number('open') if gripper else 0.0,
            closed=section.number('closed') if gripper else 0.0,
        )
        if gripper and (len(group.names) != 1 or group.open == group.closed):
            raise section.fail('joints', 'one finger joint with open != closed expected')
        section.done()
        return group


@dataclass(frozen=True)
class Action:
    """The ordered groups of an action row."""

    groups: tuple[Group, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(c for group in self.groups for c in group.columns)

    def slice_of(self, group: Group) -> slice:
        """Return where a group's columns stand in a row."""
        start = 0
        for other in self.groups:
            if other == group:
                break
            start += len(other.columns)
        return slice(start, start + len(group.columns))

    @classmethod
    def read(cls, section: Section) -> 'Action':
        """Read a contract's `action`."""
        groups = tuple(Group.read(s) for s in section.list_of_sections('groups'))
        columns = [c for g in groups for c in g.columns]
        for column in columns:
            if columns.count(column) > 1:
                raise section.fail('groups', f'column {column!r} twice; names must differ')
        section.done()
        return cls(groups)
