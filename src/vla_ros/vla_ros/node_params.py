"""Parameters of a ROS node from their dataclass: declared once, read and checked often."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from vla_ros.errors import ParameterError
from vla_ros.params import NodeParams, P, about, build, defaults, kinds

ROS_OWN = ('use_sim_time', 'start_type_description_service')  # declared by rclpy itself


def declare(node: Node, cls: type[NodeParams]) -> None:
    """Declare every parameter of `cls`; values from files and the command line are taken over.

    The node must have been made with `automatically_declare_parameters_from_overrides=True`:
    then a misspelt name is there to be seen, and `read` refuses it.
    """
    for name, default in defaults(cls).items():
        k = about(cls, name)
        descriptor = ParameterDescriptor(
            description=k.description,
            additional_constraints=k.expected,
            # a static type would refuse `50` for a number with the middleware's own words
            dynamic_typing=True,
        )
        if node.has_parameter(name):
            node.set_descriptor(name, descriptor)
        else:
            node.declare_parameter(name, default, descriptor)


def read(node: Node, cls: type[P]) -> P:
    """Return the node's parameters, checked.

    Raises:
        ParameterError: one is wrong or unknown.
    """
    return build(cls, _values(node, cls, {}))


def on_change(
    node: Node,
    cls: type[P],
    fixed: Callable[[], bool],
    changed: Callable[[P], None],
) -> None:
    """Check what is set from outside as a whole, before it is set.

    Args:
        node: The node, its parameters declared.
        cls: Their dataclass.
        fixed: Whether read-only ones may not be changed now.
        changed: Called with the new parameters after each change that concerns them.
    """
    known = kinds(cls)

    def check(parameters: Sequence[Parameter]) -> SetParametersResult:
        new = {p.name: p.value for p in parameters if p.name in known}
        try:
            for name in new:
                if fixed() and about(cls, name).read_only:
                    problem = 'fixed while the node is configured; clean it up first'
                    raise ParameterError(name, problem)
            if new:
                build(cls, _values(node, cls, new))
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def after(parameters: Sequence[Parameter]) -> None:
        if any(p.name in known for p in parameters):
            changed(read(node, cls))

    node.add_on_set_parameters_callback(check)
    node.add_post_set_parameters_callback(after)


def _values(node: Node, cls: type[NodeParams], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name, of everything set on the node that is not ROS's own."""
    found = {
        name: node.get_parameter(name).value
        for name in node.list_parameters([], 0).names
        if name not in ROS_OWN and not name.startswith('qos_overrides.')
    }
    found.update(new)
    return found
