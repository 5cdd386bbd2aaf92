"""Galvanostatic titrations whose potential and diffusivity are known: slabs by modes, spheres by finite volumes."""

import itertools

import numpy as np
from scipy.linalg import solve_banded

N_MODES = 4000


def slab_titration(
    potential,
    *,
    diffusivity,
    thickness,
    step,
    n_pulses,
    pulse_s,
    rest_s,
    start,
    resistance_V=0.0,
    per_pulse=40,
    per_rest=30,
    noise_V=0.0,
    seed=0,
):
    """Return time [s], voltage [V], current (in units of composition per second), surface composition.

    A slab of `thickness`, blocked at its back; each pulse changes the mean composition by -`step` within `pulse_s`
    (a list of steps changes direction). dc/dt = D c'' with the flux at the surface has cosine modes, each of which
    is exact over a stretch of constant current: no step in time errs.
    """
    steps = np.broadcast_to(step, n_pulses)
    rates = diffusivity * (np.arange(1, N_MODES + 1) * np.pi / thickness) ** 2
    modes, mean, now = np.zeros(N_MODES), start, 0.0
    time, surface, current = [0.0], [start], [0.0]

    def stretch(duration, flow, count):
        nonlocal modes, mean, now
        for t in duration * np.linspace(0.0, 1.0, count + 1)[1:] ** 2:
            decayed = np.exp(-rates * t)
            sums = modes * decayed + 2.0 * flow * (1.0 - decayed) / rates
            # What the modes beyond the last one add, in a stretch long against their decay: 2 sum 1/(n pi)^2.
            tail = 2.0 * flow * thickness**2 / (np.pi**2 * diffusivity) * (1.0 / (N_MODES + 0.5))
            time.append(now + t)
            surface.append(mean + flow * t + sums.sum() + tail)
            current.append(-flow)
        decayed = np.exp(-rates * duration)
        modes = modes * decayed + 2.0 * flow * (1.0 - decayed) / rates
        mean, now = mean + flow * duration, now + duration

    stretch(rest_s, 0.0, per_rest)
    for one in steps:
        stretch(pulse_s, -one / pulse_s, per_pulse)
        stretch(rest_s, 0.0, per_rest)
    time, surface, current = map(np.array, (time, surface, current))
    voltage = potential(surface) + np.sign(current) * resistance_V
    voltage = voltage + noise_V * np.random.default_rng(seed).standard_normal(voltage.shape)
    return time, voltage, current, surface


def sphere_titration(potential, *, diffusivity, radius, step, n_pulses, pulse_s, rest_s, start, cells=200):
    """Return time [s], voltage [V], current of a titration of spheres, by finite volumes.

    The mean composition changes by -`step` a pulse. Shells are thin at the surface; steps in time are implicit and
    extrapolated to second order, short where the current changes.
    """
    face = radius * (1.0 - (1.0 - np.linspace(0.0, 1.0, cells + 1)) ** 2.5)
    middle, volume = 0.5 * (face[1:] + face[:-1]), np.diff(face**3) / 3.0
    flow = diffusivity * face[1:-1] ** 2 / np.diff(middle)

    def implicit(c, source, step_s, n):
        bands = np.zeros((3, cells))
        bands[1] = volume * n / step_s
        bands[1, :-1] += flow
        bands[1, 1:] += flow
        bands[0, 1:] = bands[2, :-1] = -flow
        for _ in range(n):
            right = volume * n / step_s * c
            right[-1] += source
            c = solve_banded((1, 1), bands, right)
        return c

    c, now = np.full(cells, start), 0.0
    time, voltage, current = [0.0], [float(potential(start))], [0.0]
    for duration, change, count in [(pulse_s, -step, 40), (rest_s, 0.0, 20)] * n_pulses:
        source = change / duration * volume.sum()
        for before, after in itertools.pairwise(duration * np.linspace(0.0, 1.0, count + 1) ** 2):
            c = 2.0 * implicit(c, source, after - before, 8) - implicit(c, source, after - before, 4)
            surface = c[-1] + source * (radius - middle[-1]) / (radius**2 * diffusivity)
            time.append(now + after)
            voltage.append(float(potential(surface)))
            current.append(-change / duration)
        now += duration
    return np.array(time), np.array(voltage), np.array(current)
