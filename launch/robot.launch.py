"""`ros2 launch vla_bringup robot.launch.py`: includes robot.launch.yaml, which says everything."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource


def generate_launch_description() -> LaunchDescription:
    """Return the graph of one robot."""
    graph = Path(__file__).with_name('robot.launch.yaml')
    return LaunchDescription([IncludeLaunchDescription(AnyLaunchDescriptionSource(str(graph)))])
