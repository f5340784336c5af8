"""Video files: written frame by frame, joined without encoding again, read frame by frame."""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError

from vla_eval.core.errors import DatasetFormatError

PIXELS = 'yuv420p'
KEY_EVERY = 2  # frames: any frame is found by decoding two
CODECS = {  # word: (encoder, what the format calls it, options)
    'av1': (
        'libsvtav1',
        'av1',
        {'crf': '30', 'preset': '12', 'svtav1-params': 'lp=1'},
    ),
    'h264': ('libx264', 'h264', {'crf': '18', 'preset': 'veryfast', 'bf': '0'}),
}
SILENT = ('SVT_LOG', '1')  # the encoder writes its errors, not what it is
AHEAD = 8  # frames that wait for the encoder
TOLERANCE_S = 1e-4


def codec(word: str = 'auto') -> str:
    """Return the codec to use: AV1 where this PyAV has it, else H.264.

    Raises:
        DatasetFormatError: it is not there.
    """
    have = [name for name, (encoder, *_) in CODECS.items() if _has(encoder)]
    if word == 'auto' and have:
        return have[0]
    if word not in have:
        raise DatasetFormatError(
            f'--codec {word}: this PyAV encodes {", ".join(have) or "nothing of use"}'
        )
    return word


def _has(encoder: str) -> bool:
    try:
        av.codec.Codec(encoder, 'w')
    except ValueError:
        return False
    return True


class VideoWriter:
    """Encodes one camera's frames on a thread of its own.

    Args:
        path: File to make.
        word: Codec, one of `CODECS`.
        fps: Frames a second.
        width: Of the pictures, pixels; even, as the pixel format asks for.
        height: Likewise.
        look: Shown each frame on that thread, too.

    Raises:
        DatasetFormatError: a size that cannot be encoded.
    """

    def __init__(
        self,
        path: Path,
        word: str,
        fps: int,
        width: int,
        height: int,
        look: Callable[[np.ndarray], None] = lambda _: None,
    ):
        if width % 2 or height % 2:
            raise DatasetFormatError(
                f'{path.stem}: {width}x{height} pixels: even numbers expected, as {PIXELS} asks '
                'for'
            )
        encoder, _, options = CODECS[word]
        os.environ.setdefault(*SILENT)
        self._container = av.open(str(path), 'w')
        stream: Any = self._container.add_stream(encoder, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, PIXELS
        stream.options = {**options, 'g': str(KEY_EVERY)}
        stream.codec_context.thread_count = 1
        self._stream, self._tick = stream, Fraction(1, fps)
        self._look = look
        self._frames: queue.Queue[np.ndarray | None] = queue.Queue(AHEAD)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f'video {path.name}', daemon=True)
        self._thread.start()

    def add(self, image: np.ndarray) -> None:
        """Append a frame, (H, W, 3) uint8 RGB; nobody may write to it until it is encoded."""
        self._raise()
        self._frames.put(image)

    def close(self) -> None:
        """Finish the file.

        Raises:
            DatasetFormatError: it could not be written.
        """
        self._frames.put(None)
        self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._failure is not None:
            raise DatasetFormatError(f'a video cannot be written ({_line(self._failure)})')

    def _run(self) -> None:
        count = 0
        while (image := self._frames.get()) is not None:
            if self._failure is not None:
                continue  # whoever adds must not wait for ever
            try:
                self._look(image)
                planes = cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420)  # libswscale takes ten times
                frame = av.VideoFrame.from_ndarray(planes, PIXELS)
                frame.pts, frame.time_base = count, self._tick  # the stream's own is the file's
                self._container.mux(self._stream.encode(frame))
            except (FFmpegError, ValueError, OSError) as error:
                self._failure = error
            count += 1
        try:
            if count and self._failure is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except (FFmpegError, ValueError, OSError) as error:
            self._failure = self._failure or error


def join(parts: Sequence[tuple[Path, int]], out: Path, fps: int) -> None:
    """Write one file of several with the same settings; nothing is encoded again.

    Args:
        parts: Files in their order, each with its number of frames.
        out: File to make.
        fps: Frames a second.

    Raises:
        DatasetFormatError: a part cannot be read, or the file not written.
    """
    before = 0
    try:
        with av.open(str(out), 'w') as container:
            stream: Any = None
            for path, frames in parts:
                with av.open(str(path)) as source:
                    given = source.streams.video[0]
                    base = given.time_base or Fraction(1, fps)
                    if stream is None:
                        stream = container.add_stream_from_template(given, opaque=True)
                        stream.time_base = base
                    offset = round(Fraction(before, fps) / base)
                    for packet in source.demux(given):
                        if packet.dts is None or packet.pts is None:
                            continue
                        packet.pts += offset
                        packet.dts += offset
                        packet.stream = stream
                        container.mux(packet)
                before += frames
    except (FFmpegError, OSError, IndexError) as error:
        raise DatasetFormatError(f'{out.name}: cannot be written ({_line(error)})') from None


def frames(path: Path, from_s: float, count: int, fps: int) -> Iterator[np.ndarray]:
    """Yield (H, W, 3) uint8 RGB frames of a file from a time on.

    Raises:
        DatasetFormatError: it is missing or no video, or a frame is not where it should be.
    """
    if not path.is_file():
        raise DatasetFormatError(f'{path}: missing')
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            base = stream.time_base or Fraction(1, fps)
            container.seek(int(from_s / base), stream=stream)
            done = 0
            for frame in container.decode(stream):
                at_s = float((frame.pts or 0) * base)
                if at_s < from_s - TOLERANCE_S - 0.25 / fps:
                    continue
                wanted_s = from_s + done / fps
                if abs(at_s - wanted_s) > max(TOLERANCE_S, 0.01 / fps):
                    raise DatasetFormatError(
                        f'{path}: no frame at {wanted_s:.4f} s (the next is at {at_s:.4f} s)'
                    )
                yield frame.to_ndarray(format='rgb24')
                done += 1
                if done == count:
                    return
    except (FFmpegError, OSError, IndexError) as error:
        raise DatasetFormatError(f'{path}: not a readable video ({_line(error)})') from None
    raise DatasetFormatError(f'{path}: ends before {from_s + count / fps:.3f} s')


def facts(path: Path, fps: int) -> dict[str, Any]:
    """Return what the format notes of a video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return {
            'video.height': stream.height,
            'video.width': stream.width,
            'video.codec': stream.codec_context.codec.canonical_name,
            'video.pix_fmt': stream.pix_fmt,
            'video.is_depth_map': False,
            'video.fps': fps,
            'video.channels': 3,
            'has_audio': False,
        }


def _line(error: BaseException) -> str:
    return ' '.join(str(error).split()).lower()
