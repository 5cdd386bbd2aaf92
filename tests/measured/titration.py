"""Galvanostatic titrations of a slab whose potential and diffusivity are known, by the modes of its diffusion."""

import numpy as np

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
