"""Do the errors mean what they say: synthetic data of known truth, every family of models.

The interval of each fitted parameter at 95.45 % by Student's t has to hold the truth in 91 to 99 % of 200
data sets (binomial standard deviation 1.5 %), and the mean of (estimate - truth)/sigma has to stay below
0.2 (its standard error is 0.07).
"""

from dataclasses import replace

import numpy as np
import pytest

from spacecharge.fitting.least_squares import minimise
from spacecharge.fitting.run import build
from tests.fitting.support import configured

N_SETS = 200

TEMPERATURES = [283.15, 303.15, 323.15, 343.15, 363.15]


def exsy(tmp_path, model, parameters, observable="fraction"):
    t = np.tile(np.geomspace(1e-3, 3.0, 12), 5)
    columns = {
        "temperature_K": np.repeat(TEMPERATURES, 12),
        "mixing_time_s": t,
        "diagonal_A": 0.5 + 0 * t,
        "cross_AB": 0.5 + 0 * t,
    }
    columns |= {"sigma_diagonal_A": 0.01 + 0 * t, "sigma_cross_AB": 0.01 + 0 * t}
    config = configured(
        tmp_path, columns, fit="exsy", model=model, parameters=parameters, data={"observable": observable}
    )
    return config


def relaxation(tmp_path, model, names=("T1",), span=(220.0, 450.0), n=24):
    temperature = np.linspace(*span, n)
    columns = {"temperature_K": temperature}
    for name in names:
        columns |= {f"{name}_s": 1.0 + 0 * temperature, f"sigma_{name}_s": 0.03 + 0 * temperature}
    return configured(tmp_path, columns, fit="relaxation", model=model, reference_temperature_K=320.0)


def recovery(tmp_path, model, parameters=None):
    delay = np.tile(np.geomspace(1e-3, 20.0, 24), 2)
    columns = {"temperature_K": np.repeat([300.0, 350.0], 24), "delay_s": delay, "intensity": 1.0 + 0 * delay}
    columns["sigma_intensity"] = 0.01 + 0 * delay
    return configured(tmp_path, columns, fit="recovery", model=model, parameters=parameters or {})


SPHERE = {"kind": "diffusion", "geometry": "sphere", "radius_nm": 55}
FAMILIES = {
    "sink": lambda p: (
        exsy(p, SPHERE | {"boundary": "sink"}, {}),
        {"diffusivity_m2_per_s": 2e-16, "activation_energy_eV": 0.32},
    ),
    "barrier, unequal T1": lambda p: (
        exsy(
            p,
            SPHERE | {"boundary": "barrier"},
            {
                "t1_A_s": {"fixed": 1.2},
                "t1_B_s": {"fixed": 0.4},
                "surface_activation_energy_eV": {"fixed": 0.5},
                "activation_energy_eV": {"fixed": 0.2},
            },
        ),
        {"diffusivity_m2_per_s": 3e-15, "surface_exchange_m_per_s": 6e-8},
    ),
    "bath, intensities": lambda p: (
        exsy(p, SPHERE | {"boundary": "bath"}, {"t1_A_s": {"initial": 2.0}}, "intensities"),
        {"diffusivity_m2_per_s": 5e-16, "activation_energy_eV": 0.3, "magnetisation_ratio": 0.7, "t1_A_s": 1.5},
    ),
    "kinetic": lambda p: (
        exsy(p, {"kind": "kinetic"}, {"t1_A_s": {"fixed": 2.0}, "t1_B_s": {"fixed": 0.7}}),
        {"exchange_rate_per_s": 2.0, "activation_energy_eV": 0.4, "magnetisation_B": 1.5},
    ),
    "BPP": lambda p: (
        relaxation(p, {"kind": "bpp", "larmor_frequency_MHz": 116.6}),
        {"correlation_time_s": 1e-9, "activation_energy_eV": 0.25, "dipolar_coupling_per_s2": 2e9},
    ),
    "Richards": lambda p: (
        relaxation(
            p, {"kind": "bpp", "larmor_frequency_MHz": 116.6, "spectral_density": "richards"}, span=(180.0, 480.0)
        ),
        {"correlation_time_s": 2e-9, "activation_energy_eV": 0.3, "dipolar_coupling_per_s2": 2e9, "beta": 1.6},
    ),
    "T1 and T1rho": lambda p: (
        relaxation(p, {"kind": "bpp", "larmor_frequency_MHz": 116.6, "spin_lock_frequency_kHz": 20.0}, ("T1", "T1rho")),
        {"correlation_time_s": 3e-8, "activation_energy_eV": 0.35, "dipolar_coupling_per_s2": 2e9},
    ),
    "quadrupolar": lambda p: (
        relaxation(p, {"kind": "quadrupolar", "larmor_frequency_MHz": 116.6}),
        {"correlation_time_s": 1e-9, "activation_energy_eV": 0.25, "quadrupolar_coupling_per_s2": 5e10},
    ),
    "Anderson-Weiss": lambda p: (
        relaxation(p, {"kind": "anderson_weiss"}, ("T2",), span=(250.0, 500.0)),
        {"correlation_time_s": 8e-6, "activation_energy_eV": 0.25, "second_moment_per_s2": 6e9},
    ),
    "break": lambda p: (
        relaxation(p, {"kind": "break"}, ("T2",), span=(250.0, 450.0)),
        {"plateau_s": 1.75e-5, "break_temperature_K": 353.0, "activation_energy_eV": 0.2},
    ),
    "inversion recovery": lambda p: (
        recovery(p, {"kind": "exponential", "sequence": "inversion"}, {"efficiency": {"initial": 0.95}}),
        {"amplitude": 1.0, "time_constant_s": 1.4, "efficiency": 0.93},
    ),
    "stretched decay": lambda p: (
        recovery(p, {"kind": "stretched", "sequence": "decay"}),
        {"amplitude": 1.0, "time_constant_s": 0.3, "stretching": 0.7},
    ),
    "biexponential saturation": lambda p: (
        recovery(p, {"kind": "biexponential", "sequence": "saturation"}),
        {"amplitude": 1.0, "time_constant_s": 3.0, "time_constant_2_s": 0.05, "fraction": 0.6},
    ),
}


def true_values(problem, truth):
    values = problem.initial
    for k, p in enumerate(problem.parameters):
        stem = next(
            (n for n in truth if p.name == n or (p.name.startswith(f"{n}_") and p.name[len(n) + 1 :].isdigit())), None
        )
        if stem is not None:
            values[k] = truth[stem]
        elif not p.fixed and p.name.startswith("amplitude"):
            values[k] = 1.0
    return values


def with_data(tmp_path, config, setup, model):
    """Write the true signal as data, from which a fit takes its first values, and build again."""
    import csv

    with (tmp_path / "data.csv").open() as file:
        rows = list(csv.DictReader(file))
    n = len(rows)
    for k, row in enumerate(rows):
        if setup.is_log:
            row |= {f"{name}_s": np.exp(model[i * n + k]) for i, name in enumerate(setup.series_names)}
        elif config.kind == "recovery":
            row["intensity"] = model[k]
        elif config.data["observable"] == "fraction":
            row |= {"diagonal_A": 1.0 - model[k], "cross_AB": model[k]}
        else:
            row |= {name: model[i * n + k] for i, name in enumerate(setup.series_names)}
    with (tmp_path / "data.csv").open("w") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return build(config)


def pulls_and_hits(tmp_path, family, n_sets):
    config, truth = FAMILIES[family](tmp_path)
    setup = build(config)
    exact = true_values(setup.problem, truth)
    model = setup.problem.predict(exact)
    problem = with_data(tmp_path, config, setup, model).problem
    # A fraction has the error of its two intensities at the true signal.
    sigma = np.full(model.size, 0.01) if not setup.is_log else np.full(model.size, 0.03)
    random = np.random.default_rng(20200507)
    pulls, hits = [], []
    for _ in range(n_sets):
        data = model + sigma * random.standard_normal(model.size)
        fit = minimise(replace(problem, data=data, sigma=sigma))
        free = problem.free
        logs = np.array([problem.parameters[k].log for k in free])
        deviation = np.where(logs, np.log(fit.values[free] / exact[free]), fit.values[free] - exact[free])
        error = np.sqrt(np.diag(fit.internal_covariance)[free])
        pulls.append(deviation / error)
        hits.append([low <= exact[k] <= high for k in free for low, high in [fit.interval(problem.names[k])]])
    names = [problem.names[k] for k in problem.free]
    return names, np.array(pulls), np.array(hits)


QUICK = ("sink", "Anderson-Weiss", "break", "stretched decay")
"""Four seconds together; the others run with -m slow."""


@pytest.mark.parametrize("family", [f if f in QUICK else pytest.param(f, marks=pytest.mark.slow) for f in FAMILIES])
def test_intervals_hold_the_truth(tmp_path, family):
    names, pulls, hits = pulls_and_hits(tmp_path, family, N_SETS)
    coverage = dict(zip(names, hits.mean(axis=0), strict=True))
    assert all(0.91 <= c <= 0.99 for c in coverage.values()), coverage
    bias = dict(zip(names, pulls.mean(axis=0), strict=True))
    assert all(abs(b) < 0.2 for b in bias.values()), bias
