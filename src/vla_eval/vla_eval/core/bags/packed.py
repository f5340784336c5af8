"""What `ros2 bag` has packed with zstd: whole files, or each message."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import zstandard

from vla_eval.core.bags.values import Message, Reading
from vla_eval.core.errors import BagError

SUFFIX, FORMAT = '.zstd', 'zstd'
FILES, MESSAGES = 'file', 'message'  # compression_mode in metadata.yaml
LARGEST = 1 << 30  # bytes of one message, whatever its header claims


@contextlib.contextmanager
def unpacked(file: Path) -> Iterator[Path]:
    """Give a file as it was before it was packed; where it is not, the file itself.

    The unpacked one lies in the system's folder for temporary files meanwhile.

    Raises:
        BagError: it is damaged, or there is no room.
    """
    if file.suffix != SUFFIX:
        yield file
        return
    with tempfile.TemporaryDirectory(prefix='vla-bag-') as folder:
        plain = Path(folder) / file.stem
        try:
            with file.open('rb') as packed, plain.open('wb') as out:
                zstandard.ZstdDecompressor().copy_stream(packed, out)
        except zstandard.ZstdError as error:
            said = ' '.join(str(error).split())
            raise BagError(f'{file}: cannot be unpacked ({said})') from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise BagError(f'{file}: cannot be unpacked ({reason})') from None
        yield plain


def message(packed: Message, reading: Reading, stamped: bool) -> Message:
    """Return a message as it was before it was packed.

    Args:
        packed: As it lies in the bag.
        reading: Whose definitions tell where its stamp is.
        stamped: Whether the storage keeps publish times; else they are the headers'.

    Raises:
        BagError: it is damaged, or claims to be larger than any message.
    """
    try:
        if zstandard.get_frame_parameters(packed.data).content_size > LARGEST:
            raise zstandard.ZstdError('it claims to be larger than any message')
        data = zstandard.ZstdDecompressor().decompress(packed.data, max_output_size=LARGEST)
    except (zstandard.ZstdError, MemoryError) as error:
        said = ' '.join(str(error).split())
        raise BagError(f'a message of {packed.topic} cannot be unpacked ({said})') from None
    if stamped:
        return replace(packed, data=data)
    definition = reading.definitions.get(packed.kind)
    stamp_ns = definition.stamp_ns(data) if definition else None
    return replace(packed, data=data, publish_ns=stamp_ns or packed.log_ns)
