"""The executor and a clock that goes back after a reset."""


def test_after_a_clock_that_went_back_joints_are_taken_over_again(rig):
    rig = rig()
    rig.now_ns += 60 * 10**9
    rig.core.reset(rig.now_ns)  # joints measured before that say nothing
    rig.tick()
    rig.now_ns -= 50 * 10**9
    rig.tick(3)
    rig.instruct()
    assert rig.tick() is not None
    rig.send(rig.glide())
    assert rig.tick(5).sources
