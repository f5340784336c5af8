"""What option values are let through."""

from argparse import ArgumentTypeError

import pytest

from vla_cli import values


@pytest.mark.parametrize(
    'text', ['0', '200', '12.5', 'normal:100:20', 'normal:0:0', 'uniform:0:50', 'uniform:5:5']
)
def test_a_latency_is_a_number_or_a_distribution(text):
    assert values.latency(text) == text


@pytest.mark.parametrize(
    'text',
    [
        *('fast', '-5', 'nan', 'inf', '', 'normal', 'normal:100', 'normal:1:2:3'),
        *('normal:-1:2', 'normal:1:-2', 'uniform:50:10', 'uniform:a:b', 'gamma:1:2', '1:2'),
    ],
)
def test_other_latencies_are_refused_by_their_text(text):
    with pytest.raises(ArgumentTypeError, match='is no latency') as refused:
        values.latency(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(('text', 'low'), [('0', 1), ('-3', 1), ('two', 1), ('1.5', 0), ('', 0)])
def test_whole_numbers_are_refused_outside_their_range(text, low):
    with pytest.raises(ArgumentTypeError, match=f'whole number of at least {low}'):
        values.whole(low)(text)


def test_an_unknown_word_is_told_with_the_nearest_and_all():
    with pytest.raises(ArgumentTypeError) as refused:
        values.some_of(['reach', 'push', 'pick'], 'task')('reach,pck')
    assert str(refused.value) == (
        "no task is called 'pck' (did you mean pick?); there are: reach, push, pick"
    )


def test_repeated_words_count_once_in_their_order():
    assert values.some_of(['a', 'b', 'c'], 'letter')('c,a,c') == 'c,a'


def test_a_list_is_checked_part_by_part_and_none_counts_twice():
    check = values.several(values.whole(0))
    assert check('3,1,3') == '3,1'
    assert values.parts('normal:100:20,200') == ['normal:100:20', '200']


def test_a_folder_with_a_comma_in_its_name_is_one_value(tmp_path):
    folder = tmp_path / 'a,b'
    folder.mkdir()
    assert values.parts(str(folder)) == [str(folder)]


@pytest.mark.parametrize(
    'text', ['local', 'auto', 'head:6379', '10.0.0.5:6379', 'ray://head:10001']
)
def test_a_ray_cluster_is_named_by_word_or_address(text):
    assert values.ray(text) == text


@pytest.mark.parametrize('text', ['', 'here', 'head', 'http://head:1', 'head:', ':6379'])
def test_other_ray_clusters_are_refused(text):
    with pytest.raises(ArgumentTypeError, match='is no Ray cluster'):
        values.ray(text)
