"""Rotations as numpy arrays: SO(3) exp and log, quaternions (wxyz), 6D, and the weighted mean.

Every function takes and returns float64. `R` is (3, 3), right-handed, determinant +1. Quaternions
are (w, x, y, z); messages carry (x, y, z, w), which is converted at the ROS boundary only.
"""

import math

import numpy as np

from vla_core.errors import VlaError

_OPPOSED = 1e-6  # eigenvalues this close, relatively: no rotation is nearest to the others
_NEWTON = 12  # steps at most
_SLOPE = 0.05  # of the polynomial at the root; below it eigenvalues are close and digits are lost
_SQUARE = ((0, 1, 2, 3), (1, 4, 5, 6), (2, 5, 7, 8), (3, 6, 8, 9))  # upper triangle -> matrix
# For k = 0..3: component k made the first one, and the order in which that gives all of them.
_ORDER = ((0, 1, 2, 3), (1, 0, 2, 3), (2, 1, 0, 3), (3, 1, 2, 0))
_FIRST = [[_SQUARE[o[r]][o[c]] for r in range(4) for c in range(r, 4)] for o in _ORDER]
_BACK = _ORDER  # each of these swaps undoes itself


class RotationError(VlaError):
    """Numbers that name no rotation, or no unique one."""


def skew(w: np.ndarray) -> np.ndarray:
    """Return the (3, 3) matrix whose product with v is `w x v`."""
    x, y, z = w
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def exp(w: np.ndarray) -> np.ndarray:
    """Return the rotation by |w| rad about w (Rodrigues' formula)."""
    w = np.asarray(w, float)
    angle = float(np.linalg.norm(w))
    K = skew(w)
    if angle < 1e-4:  # series, exact to the last bit here; the quotients below lose digits
        a, b = 1.0 - angle**2 / 6.0, 0.5 - angle**2 / 24.0
    else:
        a, b = np.sin(angle) / angle, (1.0 - np.cos(angle)) / angle**2
    return np.eye(3) + a * K + b * K @ K


def log(R: np.ndarray) -> np.ndarray:
    """Return the rotation vector of R, in rad, norm in [0, pi]."""
    q = to_quaternion(R)
    if q[0] < 0.0:
        q = -q
    norm = float(np.linalg.norm(q[1:]))
    if norm < 1e-12:
        return 2.0 * q[1:]
    return q[1:] * (2.0 * np.arctan2(norm, q[0]) / norm)


def from_quaternion(q: np.ndarray) -> np.ndarray:
    """Return R of a quaternion (w, x, y, z) of norm 1 within 1e-3.

    Raises:
        RotationError: not four finite numbers, or not of norm 1.
    """
    q = np.asarray(q, float)
    numbers = q.tolist()
    norm = math.hypot(*numbers) if q.shape == (4,) else math.nan
    if not abs(norm - 1.0) < 1e-3:
        raise RotationError(f'a quaternion (w, x, y, z) of norm 1 expected, got {numbers}')
    w, x, y, z = (number / norm for number in numbers)  # floats: four are too few for NumPy
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def to_quaternion(R: np.ndarray) -> np.ndarray:
    """Return (w, x, y, z) with w >= 0, by the numerically largest component (Shepperd 1978)."""
    trace = R[0, 0] + R[1, 1] + R[2, 2]
    choice = int(np.argmax([trace, R[0, 0], R[1, 1], R[2, 2]]))
    q = np.empty(4)
    if choice == 0:
        q[0] = 1.0 + trace
        q[1:] = R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]
    else:
        i = choice - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        q[0] = R[k, j] - R[j, k]
        q[1 + i] = 1.0 + R[i, i] - R[j, j] - R[k, k]
        q[1 + j] = R[i, j] + R[j, i]
        q[1 + k] = R[i, k] + R[k, i]
    q /= np.linalg.norm(q)
    return -q if q[0] < 0.0 else q


def to_6d(R: np.ndarray) -> np.ndarray:
    """Return the first two columns of R, column after column (Zhou et al. 2019, section 4.2)."""
    return np.concatenate([R[:, 0], R[:, 1]])


def from_6d(d: np.ndarray) -> np.ndarray:
    """Return the rotation nearest to two columns, by Gram-Schmidt (Zhou et al. 2019, eq. 15).

    Raises:
        RotationError: a column is zero, or the two are parallel.
    """
    a, b = np.asarray(d, float).reshape(2, 3)
    norm_a = float(np.linalg.norm(a))
    if not norm_a > 1e-6:
        raise RotationError(f'6D rotation with a zero first column: {np.asarray(d).tolist()}')
    x = a / norm_a
    b = b - x * float(x @ b)
    norm_b = float(np.linalg.norm(b))
    if not norm_b > 1e-6:
        raise RotationError(f'6D rotation with parallel columns: {np.asarray(d).tolist()}')
    y = b / norm_b
    return np.stack([x, y, np.cross(x, y)], axis=1)


def quaternions_from_6d(D: np.ndarray) -> np.ndarray:
    """Return quaternions (N, 4), wxyz, of 6D rotations (N, 6): `from_6d`, for many at once.

    Raises:
        RotationError: a column is zero, or the two of a rotation are parallel.
    """
    a, b = np.asarray(D, float)[:, :3], np.asarray(D, float)[:, 3:]
    norm_a = np.sqrt((a * a).sum(1, keepdims=True))
    x = a / np.maximum(norm_a, 1e-6)
    b = b - x * (x * b).sum(1, keepdims=True)
    norm_b = np.sqrt((b * b).sum(1, keepdims=True))
    bad = ~((norm_a > 1e-6) & (norm_b > 1e-6))[:, 0]
    if bad.any():
        from_6d(D[int(np.argmax(bad))])  # says what is wrong with it
        raise RotationError(f'no 6D rotation: {D[int(np.argmax(bad))].tolist()}')
    y = b / norm_b
    z = np.cross(x, y)
    return _shepperd(np.stack([x, y, z], axis=2))


def _shepperd(R: np.ndarray) -> np.ndarray:
    """Return quaternions (N, 4) with w >= 0 of R (N, 3, 3), as `to_quaternion` does."""
    m = [[R[:, i, j] for j in range(3)] for i in range(3)]
    t = m[0][0] + m[1][1] + m[2][2]
    wx, wy, wz = m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]
    xy, xz, yz = m[0][1] + m[1][0], m[0][2] + m[2][0], m[1][2] + m[2][1]
    ww, xx = 1.0 + t, 1.0 + 2.0 * m[0][0] - t
    yy, zz = 1.0 + 2.0 * m[1][1] - t, 1.0 + 2.0 * m[2][2] - t
    # 4 q q^T; its row of the largest diagonal is the quaternion, scaled, with the fewest losses
    rows = np.array([[ww, wx, wy, wz], [wx, xx, xy, xz], [wy, xy, yy, yz], [wz, xz, yz, zz]])
    best = np.argmax([ww, xx, yy, zz], axis=0)
    q = rows[best, :, np.arange(len(R))]
    q = np.where(q[:, :1] < 0.0, -q, q)
    return q / np.sqrt((q * q).sum(1, keepdims=True))


def slerp(R_from: np.ndarray, R_to: np.ndarray, fraction: float) -> np.ndarray:
    """Return the rotation a fraction of the way along the shortest path from one to the other."""
    return R_from @ exp(fraction * log(R_from.T @ R_to))


def slerp_quaternions(q_from: np.ndarray, q_to: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Return unit quaternions a fraction of the way along the shortest path (Shoemake 1985).

    Args:
        q_from: (..., 4) unit quaternions; q and -q are the same rotation.
        q_to: (..., 4) unit quaternions.
        fraction: (...) 0 at `q_from`, 1 at `q_to`.
    """
    q_to = np.where((q_from * q_to).sum(-1, keepdims=True) < 0.0, -q_to, q_to)
    apart = np.sqrt(((q_to - q_from) ** 2).sum(-1))
    angle = 2.0 * np.arctan2(apart, np.sqrt(((q_to + q_from) ** 2).sum(-1)))
    near = angle < 1e-6  # the quotient of sines is the fraction itself, to the last bit
    angle = np.where(near, 1.0, angle)
    a = np.where(near, 1.0 - fraction, np.sin((1.0 - fraction) * angle) / np.sin(angle))
    b = np.where(near, fraction, np.sin(fraction * angle) / np.sin(angle))
    q = a[..., None] * q_from + b[..., None] * q_to
    return q / np.sqrt((q * q).sum(-1, keepdims=True))


def mean_quaternions(Q: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean (..., 4) of unit quaternions (..., N, 4), weights (..., N) >= 0.

    The largest eigenvector of sum w q q^T (Markley et al. 2007), the rotation nearest in the
    chordal metric; q and -q count as the same rotation, so no hemisphere needs choosing.

    Raises:
        RotationError: the rotations oppose each other so that no mean is nearest.
    """
    q, opposed = principal_quaternions(np.swapaxes(weights[..., None] * Q, -1, -2) @ Q)
    if opposed.any():
        raise RotationError('rotations oppose each other: their mean is not unique')
    return q


def principal_quaternions(M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means (..., 4) from sums of w q q^T (..., 4, 4), and where (...) there is none."""
    values, vectors = np.linalg.eigh(M)
    q = vectors[..., -1]
    opposed = values[..., -1] - values[..., -2] < _OPPOSED * values[..., -1]
    return np.where(q[..., :1] < 0.0, -q, q), opposed


def principal_quaternion(upper: list[float]) -> list[float]:
    """Return `principal_quaternions` of one sum of w q q^T: plain floats, for use in a fast loop.

    Newton's method on the characteristic polynomial, from above all eigenvalues, then a column of
    the adjugate (Markley 1988 for the four-by-four case); rotations far apart take `eigh`.

    Args:
        upper: The ten numbers of the upper triangle, row after row.

    Raises:
        RotationError: see `mean_quaternions`.
    """
    square = (upper[0], upper[4], upper[7], upper[9])
    total = sum(square)
    k = square.index(max(square))  # the column of the adjugate with the fewest losses, made first
    a, b, c, d, e, f, g, h, i, j = [upper[n] / total for n in _FIRST[k]]
    ff, gg, ii = f * f, g * g, i * i
    hj, fj, fi = h * j - ii, f * j - g * i, f * i - g * h
    ej, eh = e * j - gg, e * h - ff
    p2 = a * (e + h + j) + eh + ej + hj - b * b - c * c - d * d
    inner = e * hj - f * fj + g * fi
    ci, cj, cg = c * i - h * d, c * j - i * d, c * g - f * d
    p3 = a * (eh + ej + hj) + inner - b * b * (h + j) - c * c * (e + j) - d * d * (e + h)
    p3 += 2.0 * (b * c * f + b * d * g + c * d * i)
    v0 = b * hj - f * cj + g * ci
    v1 = b * fj - e * cj + g * cg
    v2 = b * fi - e * ci + f * cg
    p4 = a * inner - b * v0 + c * v1 - d * v2
    x = 1.0
    for _ in range(_NEWTON):
        slope = ((4.0 * x - 3.0) * x + 2.0 * p2) * x - p3
        if slope < _SLOPE:
            break
        step = (((x - 1.0) * x + p2) * x - p3) * x + p4
        x -= step / slope
        if step < 1e-15 * slope:
            e, h, j = e - x, h - x, j - x
            hj, fj, fi = h * j - ii, f * j - g * i, f * i - g * h
            ci, cj = c * i - h * d, c * j - i * d
            q = [
                e * hj - f * fj + g * fi,
                f * cj - b * hj - g * ci,
                b * fj - e * cj + g * cg,
                e * ci - b * fi - f * cg,
            ]
            norm = math.sqrt(sum(v * v for v in q))
            back = [q[n] / norm for n in _BACK[k]]
            return back if back[0] >= 0.0 else [-v for v in back]
    mean_q, opposed = principal_quaternions(np.array([[upper[n] for n in r] for r in _SQUARE]))
    if opposed:
        raise RotationError('rotations oppose each other: their mean is not unique')
    return mean_q.tolist()


def mean(Rs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted mean of rotations (N, 3, 3): see `mean_quaternions`."""
    Q = np.stack([to_quaternion(R) for R in Rs])
    return from_quaternion(mean_quaternions(Q, np.asarray(weights)))
