"""Words to numbers."""

import pytest

from vla_policy.core.text import PAD, UNKNOWN, TextError, Tokenizer, words_of

TOKENIZER = Tokenizer.from_texts(['Push the red block, left!', 'pick the blue one'], 6)


def test_words_are_lower_case_and_bare():
    assert words_of("Don't PUSH the red-block, 2 times.") == [
        "don't",
        'push',
        'the',
        'red',
        'block',
        '2',
        'times',
    ]


def test_vocabulary_does_not_depend_on_the_order_of_sentences():
    other = Tokenizer.from_texts(['pick the blue one', 'Push the red block, left!'], 6)
    assert other.vocabulary == TOKENIZER.vocabulary
    assert TOKENIZER.vocabulary[:2] == ('<pad>', '<unk>')


def test_sentences_are_padded_and_cut():
    short = TOKENIZER.encode('red block')
    assert [TOKENIZER.vocabulary[i] for i in short[:2]] == ['red', 'block']
    assert (short[2:] == PAD).all()
    assert len(TOKENIZER.encode('push ' * 20)) == 6


def test_unknown_words_are_one_token_and_named():
    row = TOKENIZER.encode('push the purple block')
    assert row[2] == UNKNOWN
    assert (row[[0, 1, 3]] != UNKNOWN).all()
    assert TOKENIZER.unknown('push the purple pyramid') == ['purple', 'pyramid']


@pytest.mark.parametrize(
    ('vocabulary', 'length'),
    [(('red', 'block'), 4), (('<pad>', '<unk>', 'red', 'red'), 4), (('<pad>', '<unk>'), 0)],
)
def test_a_malformed_vocabulary_is_refused(vocabulary, length):
    with pytest.raises(TextError):
        Tokenizer(vocabulary, length)
