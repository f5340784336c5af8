"""Pictures as data URIs, so that a page needs no other file."""

import base64
import io

import numpy as np
from PIL import Image


def jpeg(picture: np.ndarray, quality: int = 84) -> str:
    """Return a data URI of an (H, W, 3) uint8 RGB picture."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, 'JPEG', quality=quality)
    return data_uri('image/jpeg', buffer.getvalue())


def data_uri(kind: str, data: bytes) -> str:
    """Return data of a MIME type as a data URI."""
    return f'data:{kind};base64,{base64.b64encode(data).decode()}'
