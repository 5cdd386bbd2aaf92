r"""Charge transfer: jumps of ions across a contact, from the occupancies that its space charge leaves there.

Master equation of one jump
---------------------------
A site of the left layer (e) faces a site of the right layer (s). An ion needs an occupied site to start from and a
vacant one to land on, so with jump frequencies :math:`k_\to`, :math:`k_\leftarrow` the jumps per area and time are

    r(e -> s) = k_fwd theta_e (1 - theta_s),      r(s -> e) = k_bwd theta_s (1 - theta_e).

Let eps_e and eps_s be the energies of the ion on the two sites: standard chemical potential, interactions and z e phi
together. The saddle lies at Ea0 + (1 - alpha) eps_e + alpha eps_s (a linear free-energy relation with the symmetry
factor alpha), so with k0(T) = k_inf exp(-Ea0/kT)

    k_fwd = k0 exp[-alpha (eps_s - eps_e)/kT],    k_bwd = k0 exp[(1 - alpha)(eps_s - eps_e)/kT].

Their ratio exp[-(eps_s - eps_e)/kT] is detailed balance. In equilibrium the electrochemical potentials
eps + kT ln[theta/(1 - theta)] of both sites are equal, that is exp[-(eps_s - eps_e)/kT] =
theta_s (1 - theta_e) / [theta_e (1 - theta_s)], and both rates become

    r0 = k0 [theta_e (1 - theta_s)]^(1 - alpha) [theta_s (1 - theta_e)]^alpha,      i0 = |z| e r0.

Off equilibrium r(e -> s)/r(s -> e) = exp(Delta/kT), with Delta the difference of the electrochemical potentials,
whichever way Delta is split between energies and occupancies; to first order the net rate is r0 Delta/kT. A voltage V
gives Delta = z e V, hence the resistance of an area

    R_ct = kT / (z^2 e^2 r0) = kT / (|z| e i0).

alpha = 1/2 makes r0 the geometric mean of the two products. Without a space-charge layer the bulk occupancies stand in
the law, so an interface known to be neutral calibrates k0 and Ea0.

What is left out: grain boundaries and constrictions (one constant resistance may be added), the field inside the jump
(both sites lie in the plane of the contact, where the potential is continuous), states of the surface that belong to
neither layer, a dependence of the saddle on the occupancies other than through eps_e and eps_s, correlated jumps, and
all electronic steps.

References
----------
.. [1] A. N. Frumkin, Z. Phys. Chem. A 164, 121 (1933): rates follow concentrations at the plane of reaction.
.. [2] M. Z. Bazant, Acc. Chem. Res. 46, 1144 (2013), arXiv 1208.1587: Butler-Volmer kinetics of lattice gases, with
   excluded sites and activities, from the energy of the transition state.
.. [3] G. Horvai, Electroanalysis 3, 673 (1991): resistance of an ion transfer, R = RT/(F i0).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import STATISTICS_NAMES, Statistics
from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import ModelError
from ..units import unit_of
from . import Stack, StackParameters, stack_parameters
from .arrhenius import arrhenius
from .layer import ARRHENIUS_REFERENCE_K

Array = NDArray[np.float64]

NEUTRAL_WITHIN_V = 1e-6
"""A contact whose layers differ by more than this is not neutral; it bends 4e-5 of kT at room temperature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeTransfer:
    """Law of the jumps across one contact; every number may be an array over points.

    Parameters
    ----------
    rate_constant : array_like
        k0 at the reference temperature, jumps per area and time [m-2 s-1].
    reference_temperature : array_like
        [K]
    activation_energy_eV : array_like
        Ea0 [eV].
    symmetry_factor : array_like
        alpha, 0 to 1: share of the energy step that slows the jump from left to right [1].
    grain_boundary_resistance : array_like
        Resistance in series, whatever its cause, at every temperature [ohm m2].
    """

    rate_constant: ArrayLike
    reference_temperature: ArrayLike = ARRHENIUS_REFERENCE_K
    activation_energy_eV: ArrayLike = 0.0
    symmetry_factor: ArrayLike = 0.5
    grain_boundary_resistance: ArrayLike = 0.0

    def __post_init__(self) -> None:
        alpha = np.asarray(self.symmetry_factor, dtype=float)
        if not np.all((alpha >= 0.0) & (alpha <= 1.0)):
            raise ModelError("must lie between 0 and 1", "charge_transfer.symmetry_factor")
        if not np.all(np.asarray(self.rate_constant, dtype=float) > 0.0):
            raise ModelError("must be above 0", "charge_transfer.rate_constant_per_m2_s")

    def rate_at(self, temperature: ArrayLike) -> Array:
        """Return k0(T) = k0(T_ref) exp[-(Ea0/k)(1/T - 1/T_ref)].

        Parameters
        ----------
        temperature : array_like
            [K]

        Returns
        -------
        ndarray, shape of `temperature`
            [m-2 s-1]
        """
        return arrhenius(self.rate_constant, self.activation_energy_eV, temperature, self.reference_temperature)


def occupancy_factor(
    occupancy_left: ArrayLike,
    vacancy_left: ArrayLike,
    occupancy_right: ArrayLike,
    vacancy_right: ArrayLike,
    symmetry_factor: ArrayLike = 0.5,
) -> Array:
    """Return [theta_e (1 - theta_s)]^(1 - alpha) [theta_s (1 - theta_e)]^alpha [1]; e is left, s is right.

    Vacancy fractions come apart from the occupancies: 1 - theta cancels where a layer is full.
    """
    alpha = np.asarray(symmetry_factor, dtype=float)
    # Logarithms: a product of two vacancy fractions underflows long before its root does.
    with np.errstate(divide="ignore"):
        forward = np.log(occupancy_left) + np.log(vacancy_right)
        backward = np.log(occupancy_right) + np.log(vacancy_left)
    return np.asarray(np.exp((1.0 - alpha) * forward + alpha * backward))


def jump_rates(
    rate_constant: ArrayLike,
    occupancy_left: ArrayLike,
    vacancy_left: ArrayLike,
    occupancy_right: ArrayLike,
    vacancy_right: ArrayLike,
    reduced_step: ArrayLike,
    symmetry_factor: ArrayLike = 0.5,
) -> tuple[Array, Array]:
    """Return the rates of the jumps from left to right and back [m-2 s-1].

    Parameters
    ----------
    rate_constant : array_like
        k0 at the temperature in question [m-2 s-1].
    occupancy_left, vacancy_left, occupancy_right, vacancy_right : array_like
        At the contact [1].
    reduced_step : array_like
        (eps_right - eps_left)/kT, energy of the ion on the right site minus that on the left one [1].
    symmetry_factor : array_like
        alpha [1].

    Returns
    -------
    forward, backward : ndarray
        Equal in equilibrium: detailed balance.
    """
    k0, step = np.asarray(rate_constant, dtype=float), np.asarray(reduced_step, dtype=float)
    alpha = np.asarray(symmetry_factor, dtype=float)
    forward = k0 * np.exp(-alpha * step) * np.asarray(occupancy_left) * np.asarray(vacancy_right)
    backward = k0 * np.exp((1.0 - alpha) * step) * np.asarray(occupancy_right) * np.asarray(vacancy_left)
    return np.asarray(forward), np.asarray(backward)


def resistance_of_exchange(current_density: ArrayLike, temperature: ArrayLike, charge_number: ArrayLike = 1.0) -> Array:
    """Return kT/(|z| e i0) [ohm m2] of an exchange current density [A m-2]; Horvai 1991.

    Examples
    --------
    0.77 mA/cm2 at room temperature, in Ohm cm2:

    >>> f"{1e4 * resistance_of_exchange(7.7, 298.15):.2f}"
    '33.37'
    """
    volts = BOLTZMANN * np.asarray(temperature, dtype=float) / ELEMENTARY_CHARGE
    return np.asarray(volts / (np.abs(charge_number) * np.asarray(current_density, dtype=float)))


def apparent_activation_energy(temperature: ArrayLike, resistance: ArrayLike) -> Array:
    """Return the activation energy of an exchange current, from the slope of ln(T/R) against 1/T [eV].

    i0 is proportional to T/R; the slope of ln R alone would be off by kT.

    Parameters
    ----------
    temperature : array_like, shape (n_temperatures,)
        [K], at least two different ones.
    resistance : array_like, shape (n_temperatures, ...)
        [ohm m2]; any unit does.

    Returns
    -------
    ndarray, shape (...)
        Least-squares slope; with two temperatures the line through both.

    Raises
    ------
    ModelError
        Fewer than two temperatures.
    """
    kelvin, ohms = np.asarray(temperature, dtype=float), np.asarray(resistance, dtype=float)
    x = 1.0 / kelvin - np.mean(1.0 / kelvin)
    if kelvin.size < 2 or not np.any(x):
        raise ModelError("an activation energy needs two different temperatures", "temperature_K")
    y = np.log(kelvin.reshape(-1, *(1,) * (ohms.ndim - 1)) / ohms)
    return np.asarray(-np.tensordot(x, y, axes=1) / (x @ x) * BOLTZMANN / ELEMENTARY_CHARGE)


def calibrated_rate_constant(
    stack: Stack,
    contact: str,
    current_density: ArrayLike,
    *,
    at: Mapping[str, float] | None = None,
    symmetry_factor: ArrayLike = 0.5,
) -> Array:
    """Return the k0 that gives a neutral contact a measured exchange current density.

    Parameters
    ----------
    stack : Stack
        Where the contact is.
    contact : str
        Its name, ``LEFT|RIGHT``.
    current_density : array_like
        i0 of the neutral contact [A m-2].
    at : mapping, optional
        Numbers of the stack, by dotted path, that make the contact neutral.
    symmetry_factor : array_like
        alpha [1].

    Returns
    -------
    ndarray
        k0 at the temperature of the measurement [m-2 s-1].

    Raises
    ------
    ModelError
        No such contact, or it is not neutral: then k0 would hide a space-charge layer.
    """
    over = {path: [float(value)] for path, value in (at or {}).items()}
    p = stack_parameters(stack, over or None)
    if p.invalid.any():
        raise ModelError("; ".join(p.reasons), "calibrate.at")
    names = [f"{a}|{b}" for a, b in zip(p.layer_names, p.layer_names[1:], strict=False)]
    if contact not in names:
        raise ModelError(f"no contact is called {contact!r} (contacts: {', '.join(names)})", "calibrate.contact")
    i = names.index(contact)
    single_species(p)
    if abs(p.contact_step[0, i]) > NEUTRAL_WITHIN_V or p.contact_charge[0, i] != 0.0:
        raise ModelError(
            f"the contact {contact} is not neutral there: its layers differ by {p.contact_step[0, i]:.6g} V, "
            f"its plane carries {p.contact_charge[0, i]:g} C/m2 (`at` names the numbers that make it neutral)",
            "calibrate",
        )
    theta, vacancy = p.bulk_occupancy[0, :, 0], p.bulk_vacancy[0, :, 0]
    factor = occupancy_factor(theta[i], vacancy[i], theta[i + 1], vacancy[i + 1], symmetry_factor)
    charge = ELEMENTARY_CHARGE * abs(float(p.charge_number[0, i, 0]))
    return np.asarray(np.asarray(current_density, dtype=float) / (charge * factor))


def law_of_keys(keys: Mapping[str, Any], stack: Stack, values: Mapping[str, ArrayLike] | None = None) -> ChargeTransfer:
    """Return the law that the keys of a configuration describe.

    Parameters
    ----------
    keys : mapping
        Keys of ``charge_transfer``, in the units of their names.
    stack : Stack
        The stack at its base point, where a neutral case is looked for.
    values : mapping, optional
        Swept numbers by key (``symmetry_factor``, ``calibrate.exchange_current_density_mA_per_cm2``).

    Returns
    -------
    ChargeTransfer
        Arrays where numbers are swept.

    Raises
    ------
    ModelError
        The calibration is no neutral case, or neither it nor a rate constant is given.
    """
    swept = dict(values or {})

    def number(key: str, default: float) -> ArrayLike:
        given: ArrayLike = swept[key] if key in swept else keys.get(key, default)
        return given

    alpha = number("symmetry_factor", 0.5)
    reference = number("reference_temperature_K", ARRHENIUS_REFERENCE_K)
    rate = number("rate_constant_per_m2_s", np.nan)
    calibration = keys.get("calibrate")
    if calibration is not None and "rate_constant_per_m2_s" not in swept:
        name = "exchange_current_density_mA_per_cm2"
        current = np.asarray(swept.get(f"calibrate.{name}", calibration[name]), dtype=float) * unit_of(name).factor
        rate = calibrated_rate_constant(
            stack, calibration["contact"], current, at=calibration.get("at"), symmetry_factor=alpha
        )
        # What was measured at one temperature holds there; the law then leads anywhere.
        measured_at = calibration.get("temperature_K", stack.temperature_K)
        energy = number("activation_energy_eV", 0.0)
        at_measured = ChargeTransfer(
            rate_constant=rate, reference_temperature=measured_at, activation_energy_eV=energy, symmetry_factor=alpha
        )
        rate = at_measured.rate_at(reference)
    elif np.any(np.isnan(np.asarray(rate, dtype=float))):
        raise ModelError("a rate constant or a calibration is needed", "charge_transfer")
    added = "grain_boundary_resistance_ohm_cm2"
    return ChargeTransfer(
        rate_constant=rate,
        reference_temperature=reference,
        activation_energy_eV=number("activation_energy_eV", 0.0),
        symmetry_factor=alpha,
        grain_boundary_resistance=np.asarray(number(added, 0.0), dtype=float) * unit_of(added).factor,
    )


def single_species(parameters: StackParameters) -> None:
    """Refuse layers with several mobile species: the law of a jump knows one.

    Raises
    ------
    ModelError
        There are more.
    """
    if parameters.n_species > 1:
        raise ModelError("a law of charge transfer needs layers with one mobile species each", "charge_transfer")


def jumps_are_defined(parameters: StackParameters, contacts: Iterable[int]) -> None:
    """Refuse contacts whose layers are not joined by the jump of one ion between sites.

    Parameters
    ----------
    parameters : StackParameters
        The stack.
    contacts : iterable of int
        Inner contacts with a law of charge transfer, from 0.

    Raises
    ------
    ModelError
        The ions of the two sides differ in charge, so that a jump would make charge; or a side is dilute and has no
        vacant sites to jump to.
    """
    with_law = list(contacts)
    if with_law:
        single_species(parameters)
    for i in with_law:
        jump_is_defined(parameters, i, 0, 0)


def jump_is_defined(parameters: StackParameters, contact: int, left: int, right: int) -> None:
    """Refuse the same for a jump from species `left` of the left layer to `right` of the right one."""
    names, path = parameters.layer_names, f"contacts.{contact}.charge_transfer"
    z, other = parameters.charge_number[:, contact, left], parameters.charge_number[:, contact + 1, right]
    if np.any(z != other):
        k = int(np.argmax(z != other))
        raise ModelError(
            f"{names[contact]} and {names[contact + 1]} carry ions of charge {z[k]:g} and {other[k]:g}: a jump across "
            "the contact needs one ion on both sides",
            path,
        )
    sites = ((contact, left), (contact + 1, right))
    others = [(names[j], law) for j, s in sites if (law := parameters.statistics[j, s]) != Statistics.LATTICE]
    if others:
        verb = "has" if len(others) == 1 else "have"
        laws = " and ".join(dict.fromkeys(STATISTICS_NAMES[law] for _, law in others))
        raise ModelError(
            f"{' and '.join(name for name, _ in others)} {verb} {laws} statistics, which know no vacant sites "
            "to jump to: use statistics: lattice",
            path,
        )


__all__ = [
    "ChargeTransfer",
    "apparent_activation_energy",
    "calibrated_rate_constant",
    "jump_rates",
    "jump_is_defined",
    "jumps_are_defined",
    "law_of_keys",
    "occupancy_factor",
    "resistance_of_exchange",
    "single_species",
]
