"""Whole spectra: tables of the design, own finite volumes, passivity, Kramers-Kronig, mirror (DYNAMICS 4.5, 4.6)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import lstsq

import spacecharge as sc
from spacecharge.solver.small_signal import spectrum_of

from .cases import CM2, coated, mixed_layer, pair
from .volumes import extrapolated, volumes_impedance

TABLE = {
    0.0: [12.0279 - 0.0399009j, 10.8291 - 3.58937j, 0.0743043 - 0.372509j, 1.98062e-4 - 7.17915e-3j],
    272.0: [16.2667 - 33.8384j, 10.8030 - 3.92844j, 0.0734171 - 0.372687j, 1.98061e-4 - 7.17915e-3j],
}


@pytest.mark.parametrize("resistance", TABLE)
def test_digits_of_the_design(resistance: float) -> None:
    z = sc.impedance(sc.solve(pair()), [1e2, 1e4, 1e6, 1e8], contact_resistance=[resistance * CM2]) / CM2
    printed = np.array(TABLE[resistance])
    # Six digits are printed of each part.
    assert np.abs(z.real / printed.real - 1.0).max() < 5e-6
    assert np.abs(z.imag / printed.imag - 1.0).max() < 2e-6


@pytest.mark.parametrize("frequency", [1e1, 1e4, 1e8, 1e11])
@pytest.mark.parametrize("ends", ["reversible", "blocking"])
@pytest.mark.parametrize("resistance", [0.0, 1e-2, np.inf])
def test_one_component_against_finite_volumes(frequency: float, ends: str, resistance: float) -> None:
    solution = sc.solve(pair(thickness=8.0), tolerance_V=1e-9)
    held = ((ends == "reversible",),) * 2
    options = {"components": [[0], [0]], "held": held, "resistance": resistance}
    omega = 2.0 * np.pi * frequency
    exact = extrapolated(solution, omega, n=300, **options)
    z = complex(sc.impedance(solution, frequency, ends=ends, contact_resistance=[resistance]))
    # Richardson on 300 and 600 cells leaves 1e-8.
    assert abs(z / exact - 1.0) < 1e-6
    if omega > 1e3:
        assert volumes_impedance(solution, omega, n=300, **options)[1] < 1e-6


ENDS = {
    "reversible": ("reversible", ((True, True), (True, True))),
    "blocking": ("blocking", ((False, False), (False, False))),
    "electrons left": (
        {"left": {"reversible": ["electrons"]}, "right": "reversible"},
        ((False, True), (True, True)),
    ),
    "ions left, electrons right": (
        {"left": {"reversible": ["Li"]}, "right": {"reversible": ["electrons"]}},
        ((True, False), (False, True)),
    ),
    "blocking right": ({"right": "blocking"}, ((True, True), (False, False))),
}


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("frequency", [1e2, 1e5, 1e9])
def test_two_components_against_finite_volumes(kind: str, frequency: float) -> None:
    ends, held = ENDS[kind]
    stack, _, _ = mixed_layer(20.0, ratio=100.0)
    wall = sc.End(kind="electrostatic_potential_V", value=0.1)
    solution = sc.solve(stack.replace(left=wall), tolerance_V=1e-9)
    omega = 2.0 * np.pi * frequency
    exact = extrapolated(solution, omega, n=300, components=[[0, 1]], held=held)
    z = complex(sc.impedance(solution, frequency, ends=ends))
    assert abs(z / exact - 1.0) < 1e-6


@pytest.mark.parametrize("resistance", [0.0, 1e-5])
@pytest.mark.parametrize("ends", ["reversible", "blocking"])
def test_blocked_electrons_inside_against_finite_volumes(ends: str, resistance: float) -> None:
    solution = sc.solve(coated(), tolerance_V=1e-9)
    held = ((ends == "reversible",) * 2,) * 2
    for frequency in (1.0, 1e6, 1e9):
        exact = extrapolated(
            solution, 2.0 * np.pi * frequency, n=300, components=[[0], [0, 1], [0]], held=held, resistance=resistance
        )
        z = complex(sc.impedance(solution, frequency, ends=ends, contact_resistance=[resistance] * 2))
        assert abs(z / exact - 1.0) < 1e-6


def voigt_residual(frequency: np.ndarray, z: np.ndarray) -> float:
    """Largest relative residual of a Voigt series with a capacitor: what is causal fits, each RC element is."""
    omega = 2.0 * np.pi * frequency
    times = np.geomspace(1e-2 / omega.max(), 1e2 / omega.min(), 190)
    # In the unit of the impedance at each frequency; columns scaled likewise.
    columns = [1.0 / (1.0 + 1j * omega * tau) for tau in times]
    columns.append(1.0 / (1j * omega))
    matrix = np.array(columns).T / np.abs(z)[:, None]
    scale = np.abs(matrix).max(axis=0)
    target = z / np.abs(z)
    stacked = np.concatenate([matrix.real, matrix.imag]) / scale
    weights = lstsq(stacked, np.concatenate([target.real, target.imag]), cond=1e-13)[0]
    rest = stacked @ weights - np.concatenate([target.real, target.imag])
    return float(np.abs(rest).max())


@pytest.mark.parametrize("ends", ["reversible", "blocking", {"left": "blocking"}])
@pytest.mark.parametrize("case", ["pair", "transfer", "coated"])
def test_spectra_are_passive_and_causal(case: str, ends: object) -> None:
    stack = coated() if case == "coated" else pair(thickness=10.0)
    resistance = [272.0 * CM2] if case == "transfer" else None
    frequency = np.geomspace(1e-4, 1e13, 120)
    z = sc.impedance(sc.solve(stack), frequency, ends=ends, contact_resistance=resistance)
    assert z.real.min() >= 0.0
    assert voigt_residual(frequency, z) < 1e-4


def test_voigt_series_does_not_fit_what_is_not_causal() -> None:
    frequency = np.geomspace(1e-4, 1e13, 120)
    z = sc.impedance(sc.solve(pair(thickness=10.0)), frequency)
    assert voigt_residual(frequency, z.real - 1.01j * z.imag * 0.98 + 0.02j * z.real) > 1e-3


def test_mirror() -> None:
    stack = coated()
    mirrored = stack.replace(layers=stack.layers[::-1])
    frequency = np.geomspace(1e-4, 1e13, 35)
    one = spectrum_of(sc.solve(stack), frequency, ends={"left": "blocking"}, contact_resistance=[1e-6, 1e-4])
    two = spectrum_of(sc.solve(mirrored), frequency, ends={"right": "blocking"}, contact_resistance=[1e-4, 1e-6])
    # The mirrored mesh is laid from the other side: both are as good as they say.
    assert (np.abs(one.impedance / two.impedance - 1.0) < one.error_estimate + two.error_estimate).all()
    assert np.abs(one.layers[:, ::-1] / two.layers - 1.0).max() < 1e-6


def test_species_of_one_component_share_v() -> None:
    """Vacancy and interstitial that react locally, against finite volumes with one v for both."""
    species = {
        "vacancy": {
            "site_density_per_nm3": 5.0,
            "occupancy": 0.1,
            "charge_number": -1.0,
            "diffusivity_m2_per_s": 1e-13,
        },
        "interstitial": {"site_density_per_nm3": 8.0, "occupancy": 0.2, "diffusivity_m2_per_s": 1e-12},
    }
    layer = sc.Layer(name="a", thickness_nm=10.0, potential_V=3.0, permittivity=15.0, species=species)
    solution = sc.solve(sc.Stack([layer], left=sc.End(kind="electrostatic_potential_V", value=0.2)), tolerance_V=1e-9)
    from spacecharge.solver.network import Components, network_of
    from spacecharge.solver.small_signal import full_work, point_spectrum

    components = Components(("Li",), np.array([[0, 0]]))
    network = network_of(solution.parameters, 0, components)
    prepared = solution._prepared
    for frequency in (1e3, 1e8):
        omega = 2.0 * np.pi * frequency
        z = point_spectrum(
            full_work(solution), prepared.rows[0], prepared.codes, network, np.zeros((2, 1), bool), np.array([omega])
        ).impedance[0]
        exact = extrapolated(solution, omega, n=300, components=[[0, 0]], held=((False,), (False,)))
        assert abs(z / exact - 1.0) < 1e-6


def test_what_cannot_be() -> None:
    solution = sc.solve(pair())
    with pytest.raises(sc.ModelError, match="above 0"):
        sc.impedance(solution, [0.0, 1.0])
    with pytest.raises(sc.ModelError, match="components: Li"):
        sc.impedance(solution, 1.0, ends={"left": {"reversible": ["Na"]}})
    with pytest.raises(sc.ModelError, match="not known"):
        sc.impedance(solution, 1.0, ends="open")
    with pytest.raises(sc.ModelError, match="allowed: left, right"):
        sc.impedance(solution, 1.0, ends={"top": "blocking"})
