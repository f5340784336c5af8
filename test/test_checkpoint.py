"""The shipped checkpoint in the policy's place: it looks, listens and moves the robot."""

import pytest
from vla_stage import running, watched

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 71


def test_the_shipped_checkpoint_reaches_what_the_words_name(workspace, contract, tmp_path):
    with running(tmp_path, policy='flow') as live, watched(live, contract) as stage:
        scene = stage.begin('reach', SEED)
        stage.succeeds(scene)
        stage.say('')
        followed = [c for c in stage.commands if c.epoch == scene.epoch and c.sources]
        assert followed
        assert 'Traceback' not in live.said()
