"""Equilibrium curves: against slabs solved by their modes, closed forms, published rows, an isotonic regression."""

import lzma
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import isotonic_regression

from spacecharge.errors import FitError
from spacecharge.measured.counted_charge import Sample, capacity_from_molar_mass, composition_of, summary_of
from spacecharge.measured.cycler import Cycling, read_cycling
from spacecharge.measured.equilibrium import falling_regression, plateaus, strictly_falling
from spacecharge.measured.formula import molar_mass
from spacecharge.measured.ocv import Analysis, equilibrium_curve
from spacecharge.measured.titration import SHORT, pulse_slope, thermodynamic_factor

from .titration import slab_titration, sphere_titration

DATA = Path(__file__).parent / "data"
KT = 0.025692579  # eV at 298.15 K
LENGTH, DIFFUSIVITY = 1e-6, 1e-15


def potential(x):
    """A curve that bends, as far as the surface of a slab runs along it."""
    return 4.0 - 0.8 * x + 0.3 * x**2 - KT * np.log(x / (1.0 - x))


def recorded(time, voltage, current, **more):
    given = {"charge": None, "specific": True, "lines": np.arange(time.size) + 2, "format": "csv", "notes": ()}
    return Cycling(path="titration.csv", time=time, voltage=voltage, current=current, **{**given, **more})


def titration(pulse_s=5.0, steps=0.01, n_pulses=30, **more):
    given = {"diffusivity": DIFFUSIVITY, "thickness": LENGTH, "rest_s": 3000.0, "start": 0.9}
    t, u, i, _ = slab_titration(
        potential, step=np.asarray(steps), n_pulses=n_pulses, pulse_s=pulse_s, **{**given, **more}
    )
    return recorded(t, u, i)


SAMPLE = Sample(capacity=1.0, start=0.9, length=LENGTH)


@pytest.mark.parametrize("extrapolate", ["end", "sqrt_time"])
@pytest.mark.parametrize("pulse_s", [1.0, 5.0, 9.0])
def test_a_titration_gives_back_potential_and_diffusivity(pulse_s, extrapolate):
    """tau D/L^2 from 0.001 to 0.009, ohmic drop, pulses whose surface runs over half of the curve."""
    data = titration(pulse_s, 0.002 * pulse_s, resistance_V=0.02)
    got = equilibrium_curve(data, SAMPLE, Analysis(extrapolate=extrapolate))
    assert got.composition == pytest.approx(0.9 - 0.002 * pulse_s * np.arange(30, -1, -1), abs=1e-12)
    assert got.potential == pytest.approx(potential(got.composition), abs=1e-3)
    told = np.isfinite(got.chemical_diffusivity)
    assert np.sum(told) >= 12
    assert got.chemical_diffusivity[told] == pytest.approx(DIFFUSIVITY, rel=0.03, abs=0)
    assert np.median(got.chemical_diffusivity[told]) == pytest.approx(DIFFUSIVITY, rel=0.002, abs=0)


def test_noise_and_drift_are_part_of_the_uncertainty():
    data = titration(noise_V=1e-4, per_rest=120, per_pulse=200)
    got = equilibrium_curve(data, SAMPLE, Analysis())
    assert np.abs(got.potential_measured - potential(got.composition)).max() < 5e-4
    # Noise of 0.1 mV; about a third of the squares of (value - truth)/sigma stay below 1/6.
    assert np.median(got.sigma) == pytest.approx(1e-4, rel=0.4, abs=0)
    told = np.isfinite(got.chemical_diffusivity)
    assert np.median(got.chemical_diffusivity[told]) == pytest.approx(DIFFUSIVITY, rel=0.03, abs=0)
    # A rest that ends early says so: half of the diffusion time is left.
    early = equilibrium_curve(titration(rest_s=200.0), SAMPLE, Analysis(rest_at_least_s=100.0))
    assert np.median(early.sigma) > 5e-4


def test_spheres_by_finite_volumes_of_their_own():
    """tau D/L^2 = 0.009 with L = R/3: read as a film, the bend of the surface would cost up to 5 %."""
    radius = 1e-6
    pulse_s = 0.009 * (radius / 3.0) ** 2 / DIFFUSIVITY
    t, u, i = sphere_titration(
        potential, diffusivity=DIFFUSIVITY, radius=radius, step=0.01, n_pulses=8, pulse_s=pulse_s,
        rest_s=1.5 * radius**2 / DIFFUSIVITY, start=0.8,
    )  # fmt: skip
    sample = Sample(capacity=1.0, start=0.8, length=radius / 3.0, radius=radius)
    got = equilibrium_curve(recorded(t, u, i), sample, Analysis(rest_at_least_s=10.0 * pulse_s))
    assert got.potential == pytest.approx(potential(got.composition), abs=1e-4)
    told = np.isfinite(got.chemical_diffusivity)
    assert np.sum(told) >= 6
    assert got.chemical_diffusivity[told] == pytest.approx(DIFFUSIVITY, rel=0.02, abs=0)


def test_pulses_that_reach_through_the_slab_give_no_diffusivity():
    data = titration(pulse_s=1.5 * SHORT * LENGTH**2 / DIFFUSIVITY)
    got = equilibrium_curve(data, SAMPLE, Analysis())
    assert not np.isfinite(got.chemical_diffusivity).any()
    assert any("give no diffusivity" in note for note in got.notes)


def test_rows_may_stand_at_the_start_or_at_the_end_of_their_intervals():
    """Rests logged six times as coarsely as pulses: the trapezoidal rule alone errs by several per cent of a pulse."""

    def rows(at_end):
        time, current, now = [0.0] * at_end, [0.0] * at_end, 0.0
        for duration, flow, step in [(3600.0, 0.0, 60.0), (600.0, 1e-4, 10.0)] * 6 + [(3600.0, 0.0, 60.0)]:
            count = round(duration / step)
            time += list(now + step * (np.arange(count) + at_end))
            current += [flow] * count
            now += duration
        return np.array(time), np.array(current)

    for at_end in (True, False):
        time, current = rows(at_end)
        data = recorded(time, 3.5 + 0.01 * np.arange(time.size) / time.size, current)
        x = composition_of(data, Sample(capacity=1.0, start=0.9))
        assert x[-1] == pytest.approx(0.9 - 6 * 0.06, abs=1e-9)


def test_both_branches_and_half_their_difference():
    down = np.full(12, 0.04)
    steps = np.concatenate([down, -down])
    t, u, i, _ = slab_titration(
        potential, diffusivity=DIFFUSIVITY, thickness=LENGTH, step=steps, n_pulses=24, pulse_s=90.0, rest_s=5000.0,
        start=0.8,
    )  # fmt: skip
    moved = np.concatenate([[0.0], np.cumsum(i[1:] * np.diff(t))])
    # Hysteresis of +-8 mV from the turning point on.
    turned = np.argmax(moved) + 1
    u = u + np.where(np.arange(u.size) < turned, 0.008, -0.008)
    sample = Sample(capacity=1.0, start=0.8)
    got = equilibrium_curve(recorded(t, u, i), sample, Analysis())
    assert set(got.branch) == {0}
    inner = (got.composition > 0.33) & (got.composition < 0.79)
    assert got.potential[inner] == pytest.approx(potential(got.composition[inner]), abs=2e-4)
    assert got.sigma[inner] == pytest.approx(0.008, abs=2e-4)
    one = equilibrium_curve(recorded(t, u, i), sample, Analysis(branch="discharge"))
    assert set(one.branch) == {-1}
    assert one.potential[:-1] == pytest.approx(potential(one.composition[:-1]) - 0.008, abs=2e-4)


def test_the_titration_of_the_example_gives_its_printed_potentials():
    columns = {"time_h": "time_h", "voltage_V": "voltage_V", "capacity_mAh_per_g": "capacity_mAh_g"}
    data = read_cycling(DATA / "gitt.csv", columns=columns)
    got = equilibrium_curve(data, Sample(capacity=275 * 3600.0, start=0.95), Analysis(rest_at_least_s=3600.0))
    assert len(got.rests) == 18
    at = {0.91364: 3.55318, 0.95 - 60 / 275: 3.70474, 0.58636: 3.84495, 0.95 - 130 / 275: 4.00229}
    at |= {0.95 - 160 / 275: 4.1369, 0.29545: 4.20522}
    for x, u in at.items():
        near = int(np.argmin(np.abs(got.composition - x)))
        assert got.composition[near] == pytest.approx(x, abs=5e-6)
        assert got.potential[near] == pytest.approx(u, abs=5e-6)
    assert "charge only" in got.warnings[0]
    assert got.plateaus == ()


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    path = tmp_path_factory.mktemp("lnmo") / "LNMO.bdf.csv"
    path.write_bytes(lzma.decompress((DATA / "LNMO_pOCV_DLR.bdf.csv.xz").read_bytes()))
    return path


def test_a_stated_capacity_finds_a_time_column_3600_times_too_large(published):
    sample = Sample(capacity=147 * 3600.0, mass=46e-6)
    with pytest.raises(FitError, match=r"a time column 3600 times too large .* data\.time_scale: 2\.7778e-04"):
        equilibrium_curve(read_cycling(published), sample, Analysis(kind="slow_scan"))
    scan = read_cycling(published, time_scale=2.7778e-4)
    got = equilibrium_curve(scan, sample, Analysis(kind="slow_scan"))
    said = got.summary
    assert said["n_rows"] == 17_860
    assert said["duration_s"] / 3600 == pytest.approx(40.93, abs=0.005)
    assert (said["charge"] / 3.6, said["discharge"] / 3.6) == pytest.approx((6.288, 6.190), abs=5e-4)
    # Both branches lie on either side of the mean, which falls; sigma is half their difference.
    for branch, sign in ((1, 1.0), (-1, -1.0)):
        own = got.branches[branch]
        beside = np.interp(got.composition, own.composition, own.potential)
        assert sign * (beside - got.potential_measured) == pytest.approx(got.sigma, abs=1e-12)
    assert np.all(np.diff(got.potential) <= 0.0)
    with pytest.raises(FitError, match="active_mass_g is needed"):
        equilibrium_curve(scan, Sample(capacity=147 * 3600.0), Analysis(kind="slow_scan"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current": -1.0}, "the voltage falls while the current is positive"),
        ({"current": 1000.0}, "a unit mistaken by a factor of 1000"),
        ({"current": 30.0}, "check mass, capacity and the units"),
        ({"rest": 1e6}, "no rest of at least 1e"),
    ],
)
def test_what_is_no_titration(change, message):
    data = titration(100.0, 0.08, n_pulses=7)
    scaled = recorded(data.time, data.voltage, data.current * change.get("current", 1.0))
    with pytest.raises(FitError, match=message):
        equilibrium_curve(scaled, SAMPLE, Analysis(rest_at_least_s=change.get("rest", 600.0)))


def test_a_unit_mistaken_in_a_capacity_column_is_not_blamed_on_time():
    data = titration(100.0, 0.08, n_pulses=7)
    charge = np.concatenate([[0.0], np.cumsum(data.current[1:] * np.diff(data.time))])
    with pytest.raises(FitError, match=r"factor of 3600 .*check data\.columns"):
        equilibrium_curve(recorded(data.time, data.voltage, None, charge=3600.0 * charge), SAMPLE, Analysis())


def test_a_single_rest_is_a_point():
    time = np.linspace(0.0, 360_000.0, 200)
    data = recorded(time, 3.4 + 0.01 * np.exp(-time / 20_000.0), np.zeros(200))
    got = equilibrium_curve(data, Sample(capacity=1.0, start=0.2), Analysis())
    assert (got.composition[0], got.branch[0], got.composition.size) == (0.2, 0, 1)
    assert got.potential[0] == pytest.approx(3.4, abs=1e-6)
    assert np.isnan(got.thermodynamic_factor[0])


def test_hours_read_as_seconds_are_warned_of():
    data = titration(100.0, 0.08, n_pulses=7)
    short = recorded(data.time / 3600.0, data.voltage, data.current)
    got = equilibrium_curve(short, SAMPLE, Analysis(rest_at_least_s=0.1))
    assert "time_scale: 3600" in got.warnings[0]


def test_plateaus_are_named_with_their_range():
    x = np.linspace(0.05, 0.95, 37)
    two_phase = (x > 0.2) & (x < 0.8)
    u = np.where(two_phase, 3.43, 3.43 - KT * np.log(x / (1 - x) / np.where(x < 0.5, 0.25, 4.0)))
    (plateau,) = plateaus(x, falling_regression(u))
    assert (plateau.low, plateau.high) == pytest.approx((0.2, 0.8), abs=0.03)
    assert plateau.potential == pytest.approx(3.43, abs=1e-9)
    noisy = u + 5e-4 * np.random.default_rng(1).standard_normal(x.shape)
    (plateau,) = plateaus(x, falling_regression(noisy))
    assert (plateau.low, plateau.high) == pytest.approx((0.2, 0.8), abs=0.06)
    assert plateaus(x, 3.43 - KT * np.log(x / (1 - x))) == []
    # Attraction of 90 % of the critical one: still one phase.
    assert plateaus(x, 3.43 - KT * (np.log(x / (1 - x)) - 0.9 * 4.0 * (x - 0.5)), slope=0.01) == []


def test_monotone_regression_against_another_one_and_ties_become_points():
    random = np.random.default_rng(5)
    for n in (1, 2, 7, 60):
        values, weights = random.standard_normal(n), random.uniform(0.1, 3.0, n)
        expected = isotonic_regression(values, weights=weights, increasing=False).x
        assert falling_regression(values, weights) == pytest.approx(expected, abs=1e-12)
    x, u = strictly_falling(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([5.0, 4.0, 4.0, 4.0, 1.0]))
    assert list(x) == [0.0, 2.0, 4.0]
    assert list(u) == [5.0, 4.0, 1.0]


def test_thermodynamic_factor_of_an_ideal_lattice():
    x = np.linspace(0.1, 0.9, 401)
    got = thermodynamic_factor(x, 3.4 - KT * np.log(x / (1 - x)), 298.15)
    assert got == pytest.approx(1.0 / (1.0 - x), rel=2e-3, abs=0)


def test_molar_mass_and_capacity_of_a_formula():
    assert molar_mass("Li1.3Al0.3Ti1.7(PO4)3") == pytest.approx(383.41, abs=0.02)
    # LiNi0.5Mn1.5O4: 146.7 mAh/g, V2O5 with one lithium: 147.4 mAh/g, as the literature has them.
    assert capacity_from_molar_mass(molar_mass("LiNi0.5Mn1.5O4"), 1.0) / 3600 == pytest.approx(146.7, abs=0.05)
    assert capacity_from_molar_mass(molar_mass("V2O5"), 1.0) / 3600 == pytest.approx(147.4, abs=0.05)
    for formula, message in [
        ("", "empty"),
        ("Xx2", "no element"),
        ("Li(O", "not closed"),
        ("LiO)", "not opened"),
        ("li", "read"),
    ]:
        with pytest.raises(ValueError, match=message):
            molar_mass(formula)


def test_summary_counts_both_directions():
    data = recorded(
        np.array([0.0, 1.0, 2.0, 3.0]), np.array([3.0, 3.1, 3.05, 3.0]), None, charge=np.array([0.0, 5.0, 3.0, 3.0])
    )
    assert summary_of(data)["charge"] == 5.0
    assert summary_of(data)["discharge"] == 2.0


def test_a_composition_that_changes_by_two():
    """Two ions per formula unit: refused as a slip of the capacity unless it is said."""
    t, u, i, _ = slab_titration(
        lambda x: 3.45 - 0.5 * x, diffusivity=DIFFUSIVITY, thickness=LENGTH, step=-0.1, n_pulses=19, pulse_s=5.0,
        rest_s=3000.0, start=0.1,
    )  # fmt: skip
    with pytest.raises(FitError, match=r"1\.9 times the stated capacity, .* or give sample\.composition_span"):
        equilibrium_curve(recorded(t, u, i), Sample(capacity=1.0, start=0.1), Analysis())
    got = equilibrium_curve(recorded(t, u, i), Sample(capacity=1.0, start=0.1, span=2.0), Analysis())
    assert got.composition[[0, -1]] == pytest.approx([0.1, 2.0], abs=1e-12)
    assert got.potential == pytest.approx(3.45 - 0.5 * got.composition, abs=1e-4)


def test_a_rest_of_too_few_rows_has_no_error():
    """It has one as soon as four rows stand in its last third; zero would say that it is known exactly."""
    few = equilibrium_curve(titration(per_rest=6, noise_V=1e-4), SAMPLE, Analysis())
    assert np.isnan(few.sigma).all()
    assert few.potential == pytest.approx(potential(few.composition), abs=1e-3)
    assert np.isfinite(equilibrium_curve(titration(per_rest=60, noise_V=1e-4), SAMPLE, Analysis()).sigma).all()


@pytest.mark.parametrize("rows", [4, 8, 40])
@pytest.mark.parametrize("duration", [0.5, 400.0])
def test_first_slope_of_a_pulse_whatever_its_length_and_rows(rows, duration):
    """U = 3.4 V - (2 mV/s^1/2) sqrt(t): a line in the root of time; of a few rows nothing says how sure it is."""
    time = np.linspace(0.01, 1.0, rows) * duration
    slope, spread = pulse_slope(time, 3.4 - 2e-3 * np.sqrt(time))
    assert slope == pytest.approx(-2e-3, rel=1e-6)
    assert spread == np.inf if rows == 4 else spread < 1e-6
