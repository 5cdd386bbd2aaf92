"""What fits of interfaces rest on: elements of a cell, Mott and Schottky, products that the data determine."""

from __future__ import annotations

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.fitting.cell import constant_phase_contact, constant_phase_end, open_warburg, transmissive_warburg
from spacecharge.fitting.identifiability import determined_only
from spacecharge.model.layer import End


def test_diffusion_elements_have_their_limits() -> None:
    w = np.array([1e-4, 1e4])
    r, tau = np.array(3.0), np.array(2.0)
    low, high = open_warburg(w, r, tau)
    # R/3 before a capacitor tau/R; a Warburg line R/sqrt(i w tau) above.
    assert low == pytest.approx(1.0 + 3.0 / (1j * w[0] * 2.0), rel=1e-6)
    assert high == pytest.approx(3.0 / np.sqrt(1j * w[1] * 2.0), rel=1e-9)
    low, high = transmissive_warburg(w, r, tau)
    assert low == pytest.approx(3.0, rel=1e-4)
    assert high == pytest.approx(3.0 / np.sqrt(1j * w[1] * 2.0), rel=1e-9)
    # Both by the sum over the modes of a slab: tanh(s)/s and coth(s)/s as their partial fractions.
    p, n = 1j * 0.7 * 2.0, np.arange(1, 200_000)
    tanh = np.sum(2.0 / (p + ((n - 0.5) * np.pi) ** 2))
    assert transmissive_warburg(np.array([0.7]), r, tau)[0] == pytest.approx(3.0 * tanh, rel=1e-5)
    coth = 1.0 / p + np.sum(2.0 / (p + (n * np.pi) ** 2))
    assert open_warburg(np.array([0.7]), r, tau)[0] == pytest.approx(3.0 * coth, rel=1e-5)


def test_constant_phases_vanish_at_one_and_keep_the_resistance() -> None:
    w = 2 * np.pi * np.geomspace(1e-4, 1e6, 21)
    r, c = np.array(5.0), np.array(1e-3)
    assert np.abs(constant_phase_contact(w, r, c, np.array(1.0))).max() == 0.0
    assert np.abs(constant_phase_end(w, r, c, np.array(1.0))).max() == 0.0
    arc = r / (1 + 1j * w * r * c) + constant_phase_contact(w, r, c, np.array(0.8))
    assert arc[0].real == pytest.approx(5.0, rel=1e-3)
    # A depressed arc: its phase at high frequencies is that of the exponent.
    assert np.angle(arc[-1]) == pytest.approx(-0.8 * np.pi / 2, rel=1e-3)
    end = 1 / (1j * w * c) + constant_phase_end(w, r, c, np.array(0.8))
    assert np.angle(end) == pytest.approx(-0.8 * np.pi / 2, rel=1e-9)
    assert np.abs(constant_phase_end(np.array([1 / (r * c)]), r, c, np.array(0.8)) + r / 1j)[0] == pytest.approx(r)


def test_the_capacitance_of_a_depleted_contact_follows_mott_and_schottky() -> None:
    # 2/(e eps0 eps n) for eps 15 and 7.4 carriers/nm3: what a fit to C(U) rests on.
    c = []
    for bias in (0.6, 1.0):
        layer = sc.Layer(
            material="LAGP", thickness_nm=60, permittivity=15, site_density_per_nm3=14.8, occupancy=0.5,
            statistics="dilute", interaction={"occupied_eV": 0.0, "vacancy_eV": 0.0},
        )  # fmt: skip
        ends = {"left": End(kind="electrostatic_potential_V", value=bias), "right": End(kind="bulk")}
        solution = sc.solve(sc.Stack([layer], temperature_K=298.15, **ends), tolerance_V=1e-9)
        c.append(float(sc.differential_capacitance(solution)[0]))
    assert (c[1] ** -2 - c[0] ** -2) / 0.4 == pytest.approx(12.7013, rel=1e-5)


@pytest.mark.parametrize(
    ("powers", "known"),
    [
        ([[1.0, 1.0]], "a x b = 6 "),
        ([[1.0, -1.0]], "a / b = 1.5 "),
        ([[1.0, 0.5]], "a^2 x b = 18 "),
        ([[1.0, 1.0, 0.0], [0.0, 1.0, -1.0]], ""),
    ],
)
def test_products_are_named_whatever_their_powers(powers: list[list[float]], known: str) -> None:
    random = np.random.default_rng(4)
    values = np.array([3.0, 2.0, 5.0])[: len(powers[0])]
    # 30 data that know the given products of powers only.
    by_log = random.standard_normal((30, len(powers))) @ np.array(powers)
    text = determined_only(by_log, ["a", "b", "c"][: values.size], values)
    assert text.startswith("the data determine only ")
    text = text.removeprefix("the data determine only ")
    products = [part.split(" = ") for part in text.split(", ")]
    if known:
        assert text.startswith(known) or text.startswith("a x b^0.5 = ")
    for name, rest in products:
        exponents = np.zeros(values.size)
        sign = 1.0
        for word in name.split():
            if word in "x/":
                sign = 1.0 if word == "x" else -1.0
                continue
            letter, _, power = word.partition("^")
            exponents["abc".index(letter)] = sign * float(power or 1.0)
        value = float(rest.split()[0])
        assert value == pytest.approx(float(np.prod(values**exponents)), rel=2e-3)
        # It stays where nothing changes: in the span of the given powers.
        assert np.linalg.matrix_rank(np.vstack([powers, exponents]), tol=0.03) == len(powers)
