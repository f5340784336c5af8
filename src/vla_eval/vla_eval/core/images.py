"""Pictures and films as data URIs, so that a page needs no other file."""

import base64
import io

import numpy as np
from PIL import Image


def jpeg(picture: np.ndarray, quality: int = 84) -> str:
    """Return a data URI of an (H, W, 3) uint8 RGB picture."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, 'JPEG', quality=quality)
    return _uri('image/jpeg', buffer.getvalue())


def film(pictures: np.ndarray, frame_ms: int, quality: int = 60) -> str:
    """Return a data URI of an endlessly repeated animation (T, H, W, 3) uint8 RGB."""
    frames = [Image.fromarray(picture) for picture in pictures]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, 'WEBP', save_all=True, append_images=frames[1:], duration=frame_ms, loop=0,
        quality=quality, method=4,
    )  # fmt: skip
    return _uri('image/webp', buffer.getvalue())


def _uri(kind: str, data: bytes) -> str:
    return f'data:{kind};base64,{base64.b64encode(data).decode()}'
