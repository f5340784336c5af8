"""A process that takes in pictures touches the same memory again, instead of fresh pages."""

import subprocess
import sys

PROGRAM = """
import resource, sys
from vla_ros.heap import keep_freed_memory
if 'keep' in sys.argv and not keep_freed_memory():
    sys.exit(77)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def pictures():
    for _ in range(50):
        [bytes(bytearray(921_600)) for _ in range(4)]
pictures()
before = faults()
pictures()
print(faults() - before)
"""


def page_faults(*words: str) -> int:
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or 'the C library does not take it'
    return int(done.stdout)


def test_freed_memory_is_kept_for_the_next_picture():
    assert page_faults('keep') < 0.05 * page_faults()
