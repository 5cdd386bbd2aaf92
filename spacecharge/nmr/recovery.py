"""Recovery and decay curves: what a relaxation experiment records against its delay."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError

SEQUENCES = ("inversion", "saturation", "decay")
"""Inversion and saturation recovery; ``decay`` is what CPMG, Hahn echoes and a spin lock give."""

SHAPES = ("exponential", "stretched", "biexponential", "quadrupolar")
"""Shape of the relaxing part, 1 at zero delay."""


def relaxing_part(
    delay: ArrayLike,
    shape: str,
    *,
    time_constant: ArrayLike,
    stretching: ArrayLike = 1.0,
    time_constant_2: ArrayLike = 1.0,
    fraction: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    """Return the part that has not relaxed yet.

    Parameters
    ----------
    delay : array_like, shape (n,)
        [s].
    shape : {'exponential', 'stretched', 'biexponential', 'quadrupolar'}
        exp(-t/T); exp(-(t/T)^b); f exp(-t/T) + (1-f) exp(-t/T'); 0.2 exp(-t/T) + 0.8 exp(-t/T'), the
        longitudinal recovery of I = 3/2.
    time_constant, time_constant_2 : array_like
        T and T' [s].
    stretching : array_like
        b [1].
    fraction : array_like
        f [1].

    Returns
    -------
    ndarray, shape (n,)
        [1].
    """
    t = np.asarray(delay, dtype=float)
    if shape == "exponential":
        return np.asarray(np.exp(-t / time_constant))
    if shape == "stretched":
        return np.asarray(np.exp(-((t / np.asarray(time_constant)) ** np.asarray(stretching, dtype=float))))
    if shape not in SHAPES:
        raise ModelError(f"{shape!r} is no shape (allowed: {', '.join(SHAPES)})")
    first = 0.2 if shape == "quadrupolar" else np.asarray(fraction, dtype=float)
    return np.asarray(first * np.exp(-t / time_constant) + (1.0 - first) * np.exp(-t / time_constant_2))


def recovery_curve(
    relaxing: ArrayLike,
    sequence: str,
    *,
    amplitude: ArrayLike,
    offset: ArrayLike = 0.0,
    efficiency: ArrayLike = 1.0,
    noise_floor: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the signal of a sequence.

    Parameters
    ----------
    relaxing : array_like, shape (n,)
        Part that has not relaxed yet [1].
    sequence : {'inversion', 'saturation', 'decay'}
        offset + A (1 - 2 e r), offset + A (1 - e r), offset + A r.
    amplitude, offset : array_like
        A and the signal that never relaxes, in the unit of the signal.
    efficiency : array_like
        e, 1 for perfect pulses [1].
    noise_floor : array_like, optional
        For magnitude data, whose sign is lost: what they are without signal, f. The signal S without offset becomes
        offset + sqrt(S^2 + f^2), the root of the mean square of a magnitude with noise (f^2 = 2 sigma^2).

    Returns
    -------
    ndarray, shape (n,)
        Signal.
    """
    r = np.asarray(relaxing, dtype=float)
    a = np.asarray(amplitude, dtype=float)
    if sequence not in SEQUENCES:
        raise ModelError(f"{sequence!r} is no sequence (allowed: {', '.join(SEQUENCES)})")
    if sequence == "decay":
        signal = a * r
    else:
        depth = 2.0 if sequence == "inversion" else 1.0
        signal = a * (1.0 - depth * np.asarray(efficiency, dtype=float) * r)
    return np.asarray(offset + (signal if noise_floor is None else np.hypot(signal, noise_floor)))
