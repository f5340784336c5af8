"""Two graphs on one machine: each with its own domain, one of them under a namespace."""

import pytest
from vla_stage import running, watched

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 12
EVERYWHERE = {'/tf', '/tf_static', '/rosout', '/parameter_events'}


def test_a_namespaced_graph_beside_another_works_and_neither_sees_the_other(
    shared_graph, contract, tmp_path
):
    with running(tmp_path, policy='scripted', namespace='left') as left:
        assert left.graph.domain_id != shared_graph.graph.domain_id
        with watched(left, contract, 'left') as stage:
            stage.succeeds(stage.begin('reach', SEED))  # frames carry the prefix, or it would hold
            words = stage.status.instruction
            probe = stage.probe.probe
            topics = {name for name, _ in probe.get_topic_names_and_types()}
            nodes = {
                (name, space)
                for name, space in probe.get_node_names_and_namespaces()
                if name != probe.get_name()
            }
            assert {name for name in topics if not name.startswith('/left/')} <= EVERYWHERE
            assert nodes == {
                (name, '/left') for name in ('robot', 'observer', 'policy', 'executor')
            }
            frames = {stage.observations[-1].header.frame_id}
            frames |= {view.image.header.frame_id for view in stage.observations[-1].views}
            assert all(frame.startswith('left/') for frame in frames)

        with watched(shared_graph, contract) as stage:
            assert stage.status.instruction == ''  # what was said to the other was not heard
            scene = stage.begin('reach', SEED + 1)
            stage.succeeds(scene)
            topics = {name for name, _ in stage.probe.probe.get_topic_names_and_types()}
            assert not any(name.startswith('/left') for name in topics)
            stage.calm()

        with watched(left, contract, 'left') as stage:
            assert stage.status.instruction == words
