"""The YAML subset, with PyYAML as the oracle."""

from pathlib import Path

import pytest
import yaml

from vla_cli.graph import yaml_subset

ROOT = Path(__file__).parents[2]
TEXTS = {
    'mapping': 'a: b\nc:\n  d: e\n  f: g h\n',
    'list under a key, not deeper': 'a:\n- b\n- c\nd: e\n',
    'list under a key, deeper': 'a:\n  - b\n  - c: d\n    e: f\ng: h\n',
    'lists in lists': '- - a\n  - b\n- c\n',
    'dash alone': '-\n  a: b\n-\n  - c\n',
    'flow': 'a: {b: c, d: [1, 2, {e: f}], g: []}\nh: [x y, "z, w", {}]\n',
    'brackets of substitutions': 'a: {b: $(var c), d: e}\nf: $(and $(var g) $(equals a b))\n',
    'quotes': "a: 'b: c # d'\ne: \"f\"\ng: ''\n",
    'comments': '# one\na: b # two\n\n# three\nc: d#e\n',
    'empty value': "a:\nb: ''\n",
    'colons inside': 'a: normal:1:2\nb: http://x\n',
    'document start': '---\na: b\n',
}


@pytest.mark.parametrize('text', TEXTS.values(), ids=TEXTS.keys())
def test_it_reads_what_a_full_reader_reads(text):
    assert yaml_subset.parse(text) == yaml.load(text, Loader=yaml.BaseLoader)


def test_it_reads_the_launch_file_as_a_full_reader_does():
    text = (ROOT / 'launch' / 'robot.launch.yaml').read_text()
    assert yaml_subset.parse(text) == yaml.load(text, Loader=yaml.BaseLoader)


@pytest.mark.parametrize(
    ('text', 'line'),
    [
        ('a: b\n\tc: d\n', 2),
        ('a: b: c\n', 1),
        ('a: &x b\n', 1),
        ('a: *x\n', 1),
        ('a: !t b\n', 1),
        ('a: |\n  b\n', 1),
        ('a: >\n  b\n', 1),
        ('a: b\na: c\n', 2),
        ('a: {b: c\n', 1),
        ('a: [b, c\n', 1),
        ("a: 'b\n", 1),
        ("a: 'it''s'\n", 1),
        ('a: "\\n"\n', 1),
        ('a: {b}\n', 1),
        ("a: 'b' c\n", 1),
        ('a:\n    b: c\n  d: e\n', 3),
        ('a: b\nc\n', 2),
        ('- a\nb: c\n', 2),
    ],
)
def test_what_is_beyond_the_subset_is_refused_by_its_line(text, line):
    with pytest.raises(yaml_subset.YamlError, match=f'^line {line}: '):
        yaml_subset.parse(text)
