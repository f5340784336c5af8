"""QoS by name."""

import pytest
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy, qos_check_compatible
from rclpy.qos import QoSCompatibility as Compatibility

from vla_ros.qos import PROFILES, qos

pytestmark = pytest.mark.ros


@pytest.mark.parametrize('name', PROFILES)
def test_both_ends_that_say_the_same_word_match(name):
    assert qos_check_compatible(qos(name), qos(name))[0] != Compatibility.ERROR


def test_static_transforms_are_published_with_one_word_and_read_with_another():
    assert qos_check_compatible(qos('tf_static'), qos('tf_static_all'))[0] != Compatibility.ERROR
    assert qos('tf_static').depth == 1
    assert qos('tf_static_all').depth == 100


def test_a_profile_is_fresh_each_time():
    qos('sensor').depth = 99
    assert qos('sensor').depth == 5


def test_pictures_are_best_effort_and_words_are_kept_for_late_joiners():
    assert qos('sensor').reliability == ReliabilityPolicy.BEST_EFFORT
    assert qos('latched').durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_an_unknown_name_is_refused():
    with pytest.raises(KeyError, match="'fast': one of"):
        qos('fast')
