"""Films as WebM (VP9) in a data URI: small, and every browser plays them without a plug-in."""

import io
from fractions import Fraction

import av
import numpy as np

from vla_eval.core.images import data_uri

RATE = 10  # pictures a second: one an observation
QUALITY = {'crf': '34', 'b': '0', 'deadline': 'good', 'cpu-used': '4', 'row-mt': '0'}

LARGEST = 320  # px, of the longer side: the page shows them no larger


def webm(pictures: np.ndarray) -> str:
    """Return a data URI of (T, H, W, 3) uint8 RGB pictures; the same ones give the same bytes."""
    buffer = io.BytesIO()
    width, height = _size(*pictures.shape[2:0:-1])
    # without `bitexact` the file would carry a random identifier
    with av.open(buffer, 'w', format='webm', container_options={'fflags': '+bitexact'}) as film:
        stream = film.add_stream('libvpx-vp9', rate=RATE, options=QUALITY)
        stream.width, stream.height = width, height
        stream.pix_fmt = 'yuv420p'
        stream.thread_count = 1
        for count, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format='rgb24')
            frame.pts, frame.time_base = count, Fraction(1, RATE)
            film.mux(stream.encode(frame.reformat(width, height)))
        film.mux(stream.encode(None))
    return data_uri('video/webm', buffer.getvalue())


def _size(width: int, height: int) -> tuple[int, int]:
    """Return width and height as shown, even as 4:2:0 colour needs them."""
    scale = min(1.0, LARGEST / max(width, height))
    return 2 * round(scale * width / 2), 2 * round(scale * height / 2)
