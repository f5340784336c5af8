"""A plank-wood picture, drawn from noise, so that the table needs no image file."""

import numpy as np

GROOVE_PX = 1.2
# Light oak to walnut, sRGB 0..1: a plank takes a mixture of two neighbours.
TONES = np.array([[0.80, 0.60, 0.41], [0.74, 0.52, 0.34], [0.67, 0.45, 0.28], [0.60, 0.39, 0.24]])


def planks(size: int, count: int, seed: int) -> np.ndarray:
    """Draw a square of planks that run along the picture's rows.

    Args:
        size: Height and width in pixels.
        count: Planks side by side.
        seed: Everything is drawn from it.

    Returns:
        (size, size, 3) uint8.
    """
    rng = np.random.default_rng(seed)
    rows = np.arange(size)
    height = size / count
    picture = np.empty((size, size, 3))
    for k in range(count):
        part = rows[(rows >= round(k * height)) & (rows < round((k + 1) * height))]
        end = int(size * rng.uniform(0.2, 0.8))  # two boards meet here, end to end
        for columns in (slice(0, end), slice(end, size)):
            picture[part, columns] = _board(rng, len(part), columns.stop - columns.start)
        picture[part, max(end - 1, 0) : end + 1] *= 0.45
        across = np.minimum(part - part[0], part[-1] - part) + 0.5
        picture[part] *= (1.0 - 0.55 * np.exp(-((across / GROOVE_PX) ** 2)))[:, None, None]
    return np.round(255.0 * np.clip(picture, 0.0, 1.0)).astype(np.uint8)


def _board(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """One board (height, width, 3): its own tone, growth rings cut lengthwise, fibres, a knot."""
    y = (np.arange(height) / height)[:, None]
    x = (np.arange(width) / max(height, 1))[None, :]
    bend = 0.35 * _noise(rng, height, width, 2, 1 + width // (5 * height))
    bend = bend + 0.06 * _noise(rng, height, width, 4, 2 + width // height)
    if rng.random() < 0.2:
        cx, cy = rng.uniform(0.1, 0.9) * width / height, rng.uniform(0.25, 0.75)
        distance = np.hypot((x - cx) / 2.2, y - cy)
        knot = np.exp(-((distance / 0.16) ** 2))
    else:
        knot = np.zeros((height, width))
    rings = (y + bend + 0.5 * knot) * rng.uniform(4.0, 7.0) + rng.uniform()
    late = (rings - np.floor(rings)) ** 3  # late wood: slow rise, sharp edge, as in sawn timber
    fibres = _noise(rng, height, width, height // 2, max(2, width // 90))
    streaks = _noise(rng, height, width, max(3, height // 8), max(2, width // 260))
    value = 1.0 - 0.11 * late + 0.055 * fibres + 0.05 * streaks - 0.26 * knot**3
    place = rng.uniform(0.0, len(TONES) - 1.001)
    low = int(place)
    tone = TONES[low] + (place - low) * (TONES[low + 1] - TONES[low])
    warmth = np.array([0.0, -0.012, -0.022]) * late[..., None]
    return tone * value[..., None] + warmth


def _noise(rng: np.random.Generator, height: int, width: int, ny: int, nx: int) -> np.ndarray:
    """Smooth noise (height, width) in about -1..1 on an ny x nx lattice."""
    lattice = rng.uniform(-1.0, 1.0, (ny + 1, nx + 1))
    return _weights(height, ny) @ lattice @ _weights(width, nx).T


def _weights(length: int, cells: int) -> np.ndarray:
    """Cosine interpolation from cells + 1 lattice points to `length` samples."""
    place = np.arange(length) * (cells / length)
    low = place.astype(int)
    t = 0.5 - 0.5 * np.cos(np.pi * (place - low))
    out = np.zeros((length, cells + 1))
    out[np.arange(length), low] = 1.0 - t
    out[np.arange(length), low + 1] = t
    return out
