"""Where points of the base frame appear in a picture."""

import numpy as np

NEAR_M = 0.01


def project(
    points: np.ndarray, K: np.ndarray, T_base_camera: np.ndarray, width: int, height: int
) -> np.ndarray:
    """Project points through pinhole cameras.

    Args:
        points: (N, 3) in the base frame, m.
        K: (N, 3, 3) intrinsics, pixels.
        T_base_camera: (N, 4, 4) poses of optical frames (x right, y down, z forward).
        width: Of the picture, pixels.
        height: Of the picture, pixels.

    Returns:
        (N, 2) float32 (u, v) in pixels, NaN where the point is behind the camera or out of view.
    """
    R, t = T_base_camera[:, :3, :3], T_base_camera[:, :3, 3]
    in_camera = np.einsum('nji,nj->ni', R, points - t)  # R^T (p - t)
    depth = in_camera[:, 2]
    with np.errstate(divide='ignore', invalid='ignore'):
        uv = np.einsum('nij,nj->ni', K, in_camera / depth[:, None])[:, :2]
        seen = (depth > NEAR_M) & (uv >= 0).all(1) & (uv < (width, height)).all(1)
    return np.where(seen[:, None], uv, np.nan).astype(np.float32)
