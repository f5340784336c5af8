"""How smooth a motion is: jerk, and the spectral arc length of its speed.

Balasubramanian, Melendez-Calderon, Burdet: A robust and sensitive metric for quantifying movement
smoothness. IEEE Trans. Biomed. Eng. 59 (2012); with the adaptive cut-off (SPARC) of
Balasubramanian, Melendez-Calderon, Roby-Brami, Burdet: On the analysis of movement smoothness.
J. NeuroEngineering Rehabil. 12:112 (2015), eq. 8.
"""

import numpy as np
from scipy import signal

CUT_OFF_HZ = 10.0  # of the 2015 paper
THRESHOLD = 0.05  # share of the largest amplitude below which the spectrum is cut
PADDING = 4  # powers of two by which the spectrum is refined
STILL_M_S = 1e-4  # slower than that nothing moves: there is no motion to judge
LEAST = 8  # samples


def arc_length(speed: np.ndarray, rate_hz: float) -> float | None:
    """Return the spectral arc length of a speed profile; nearer to 0 is smoother.

    Args:
        speed: (N,) >= 0, any unit: only its shape counts.
        rate_hz: Samples a second.

    Returns:
        A number < 0, None where nothing moves.
    """
    if len(speed) < LEAST or not np.isfinite(speed).all() or np.max(speed) < STILL_M_S:
        return None
    count = 1 << (int(np.ceil(np.log2(len(speed)))) + PADDING)
    frequency = np.arange(count // 2 + 1) * rate_hz / count
    amplitude = np.abs(np.fft.rfft(speed, count))
    amplitude = amplitude / amplitude.max()
    inside = frequency <= CUT_OFF_HZ
    frequency, amplitude = frequency[inside], amplitude[inside]
    loud = np.flatnonzero(amplitude >= THRESHOLD)
    frequency = frequency[loud[0] : loud[-1] + 1]
    amplitude = amplitude[loud[0] : loud[-1] + 1]
    if len(frequency) < 2:
        return None
    step = np.diff(frequency) / (frequency[-1] - frequency[0])
    return -float(np.sum(np.hypot(step, np.diff(amplitude))))


def on_grid(times_ns: np.ndarray, points: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return points (M, D) at even times, linear between those given (N, D)."""
    seconds = (times_ns - times_ns[0]) / 1e9
    grid = np.arange(0.0, seconds[-1], 1.0 / rate_hz)
    return np.stack([np.interp(grid, seconds, column) for column in points.T], axis=1)


def smoothed(points: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return points (N, D) without what is faster than `CUT_OFF_HZ`, in phase.

    A third derivative is made of the noise of encoders and clocks otherwise: Butterworth of
    second order, forwards and backwards. What is sampled too slowly or too short stays as it is.
    """
    if rate_hz <= 2.5 * CUT_OFF_HZ or len(points) < 4 * LEAST:
        return points
    filter_ = signal.butter(2, CUT_OFF_HZ, fs=rate_hz, output='sos')
    return np.asarray(signal.sosfiltfilt(filter_, points, axis=0))


def rms_jerk(points: np.ndarray, rate_hz: float) -> float | None:
    """Return the root mean square of the third derivative, unit/s^3; None for too few points.

    Args:
        points: (N, D) at even times.
        rate_hz: Points a second.
    """
    if len(points) < 4:
        return None
    jerk = np.diff(points, n=3, axis=0) * rate_hz**3
    return float(np.sqrt(np.mean(np.sum(jerk**2, axis=1))))


def jerks(points: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return |third derivative| (N - 3,) of what is slower than `CUT_OFF_HZ`, unit/s^3."""
    if len(points) < 4:
        return np.empty(0)
    third = np.diff(smoothed(points, rate_hz), n=3, axis=0) * rate_hz**3
    return np.asarray(np.linalg.norm(third, axis=1))


def speed_of(points: np.ndarray, rate_hz: float) -> np.ndarray:
    """Return the speeds (N - 1,) between points (N, D) at even times, unit/s."""
    return np.asarray(np.linalg.norm(np.diff(points, axis=0), axis=1) * rate_hz)
