"""The RViz configuration shows topics that exist, with their types and a QoS that matches."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[4]
TYPES = {'Image': 'sensor_msgs/Image', 'MarkerArray': 'visualization_msgs/MarkerArray'}
WITHOUT_TOPIC = {'Grid', 'TF'}
MARKERS = 'vla/markers'


@pytest.fixture(scope='module')
def rviz():
    return yaml.safe_load((ROOT / 'config' / 'rviz' / 'robot.rviz').read_text())


@pytest.fixture(scope='module')
def displays(rviz):
    return {
        d['Name']: (d['Class'].removeprefix('rviz_default_plugins/'), d)
        for d in rviz['Visualization Manager']['Displays']
    }


def test_every_display_shows_a_topic_of_the_graph_with_its_type(displays, contracts):
    graph = {MARKERS: 'visualization_msgs/MarkerArray'}
    cameras = contracts['tabletop'].cameras
    graph |= {c.topic: 'sensor_msgs/Image' for c in cameras.values()}
    graph |= {f'vla/overlay/{key}': 'sensor_msgs/Image' for key in cameras}
    shown = set()
    for name, (kind, display) in displays.items():
        assert display['Enabled'], name
        if kind in WITHOUT_TOPIC:
            continue
        topic = display['Topic']['Value']
        assert graph.get(topic) == TYPES[kind], name
        shown.add(topic)
    assert shown == set(graph)


def test_cameras_are_best_effort_and_markers_reliable(displays):
    for kind, display in displays.values():
        if kind not in WITHOUT_TOPIC:
            wanted = 'Best Effort' if kind == 'Image' else 'Reliable'
            assert display['Topic']['Reliability Policy'] == wanted


def test_the_fixed_frame_is_the_base_of_the_robot(rviz, contracts):
    frame = rviz['Visualization Manager']['Global Options']['Fixed Frame']
    assert frame == contracts['tabletop'].model.base_link


@pytest.mark.ros
def test_the_namespaces_shown_are_those_that_are_drawn(displays):
    from vla_control.ros.markers import NAMESPACES

    _, display = displays['Plan, spread, path and gate']
    assert display['Namespaces'] == dict.fromkeys(NAMESPACES, True)
