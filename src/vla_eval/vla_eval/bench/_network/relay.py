"""Carries frames between a device in each of two network namespaces: a cable that can be cut.

    python3 relay.py NAMESPACE NAMESPACE DEVICE SEED

Told on standard input, line by line: `cut`, or `heal DELAY_MS LOSS`; answers `done`. It stands in
for `tc netem`, which many kernels do not have; what is lost follows from the seed.
"""

import fcntl
import heapq
import os
import random
import selectors
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
LONGEST_FRAME = 65536


def main(near: str, far: str, device: str, seed: int) -> None:
    """Carry frames until standard input ends."""
    ends = (_device(near, device), _device(far, device))
    _answer('ready')
    rng = random.Random(seed)
    cut, delay_s, loss = False, 0.0, 0.0
    under_way: list[tuple[float, int, int, bytes]] = []
    count = 0
    selector = selectors.DefaultSelector()
    for fd, other in (ends, ends[::-1]):
        selector.register(fd, selectors.EVENT_READ, other)
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ, None)
    while True:
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for key, _ in selector.select(wait):
            if key.data is None:
                words = os.read(sys.stdin.fileno(), 4096).decode().split()
                if not words:
                    return
                cut = words[0] == 'cut'
                if cut:
                    under_way.clear()
                else:
                    delay_s, loss = float(words[1]) / 1e3, float(words[2])
                _answer('done')
                continue
            frame = os.read(key.fd, LONGEST_FRAME)
            if not cut and rng.random() >= loss:
                count += 1
                heapq.heappush(under_way, (time.monotonic() + delay_s, count, key.data, frame))
        now = time.monotonic()
        while under_way and under_way[0][0] <= now:
            _, _, end, frame = heapq.heappop(under_way)
            try:
                os.write(end, frame)
            except OSError:  # the device is down yet
                continue


def _answer(word: str) -> None:
    sys.stdout.write(f'{word}\n')
    sys.stdout.flush()


def _device(namespace: str, name: str) -> int:
    """Make a device in a namespace; return what its frames are read from and written to."""
    from vla_eval.bench._network.namespaces import enter

    enter(namespace)
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI))
    return fd


if __name__ == '__main__':
    main(*sys.argv[1:4], int(sys.argv[4]))
