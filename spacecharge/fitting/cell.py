"""What a cell adds to the impedance of a stack: leads, series resistance, diffusion elements, constant phases.

None of it is of the model: a fit names these parameters as such.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..config.cell_parameters import AREA, CELL
from ..constants import CM2

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

NH = 1e-9


def open_warburg(omega: Array, resistance: Array, time: Array) -> Complex:
    """Return the impedance of diffusion into an electrode that nothing leaves at its other face.

    R coth(sqrt(i w tau))/sqrt(i w tau), tau = L^2/D: a Warburg line at high, a capacitor tau/R behind R/3 at low
    frequencies.

    Parameters
    ----------
    omega : ndarray
        [s-1]
    resistance, time : ndarray
        R, in the unit of the impedance, and tau [s]; broadcast against `omega`.

    References
    ----------
    .. [1] C. Ho, I. D. Raistrick, R. A. Huggins, J. Electrochem. Soc. 127, 343 (1980).
    """
    root = np.sqrt(1j * omega * time)
    # coth in exponentials that fall: none overflows.
    return np.asarray(resistance * (1.0 + np.exp(-2.0 * root)) / (-np.expm1(-2.0 * root)) / root)


def transmissive_warburg(omega: Array, resistance: Array, time: Array) -> Complex:
    """Return the impedance of diffusion through a layer whose other face is held at a concentration.

    R tanh(sqrt(i w tau))/sqrt(i w tau): R at low frequencies. Parameters as for :func:`open_warburg`.

    References
    ----------
    .. [1] D. R. Franceschetti, J. R. Macdonald, J. Electroanal. Chem. 101, 307 (1979).
    .. [2] T. Jacobsen, K. West, Electrochim. Acta 40, 255 (1995).
    """
    root = np.sqrt(1j * omega * time)
    return np.asarray(resistance * -np.expm1(-2.0 * root) / (1.0 + np.exp(-2.0 * root)) / root)


def constant_phase_contact(omega: Array, resistance: Array, capacitance: Array, exponent: Array) -> Complex:
    """Return what changes where the arc of a contact is depressed: 0 for an exponent of 1.

    R/(1 + (i w R C)^a) - R/(1 + i w R C), so that R, and the frequency at the top of the arc, stay those of the model.

    Parameters
    ----------
    omega : ndarray
        [s-1]
    resistance, capacitance : ndarray
        Of the contact, by the model [ohm m2, F m-2].
    exponent : ndarray
        a, 0.5 to 1.

    References
    ----------
    .. [1] K. S. Cole, R. H. Cole, J. Chem. Phys. 9, 341 (1941).
    .. [2] G. J. Brug et al., J. Electroanal. Chem. 176, 275 (1984).
    """
    p = 1j * omega * resistance * capacitance
    return np.asarray(resistance / (1.0 + p**exponent) - resistance / (1.0 + p))


def constant_phase_end(omega: Array, resistance: Array, capacitance: Array, exponent: Array) -> Complex:
    """Return what changes where a blocking end is a constant-phase element: 0 for an exponent of 1.

    [(i w R C)^(1 - a) - 1]/(i w C), with C what the model charges at low frequencies and R the resistance in front of
    it: at w = 1/(R C) the modulus of the end is that of the capacitor.

    Parameters
    ----------
    omega : ndarray
        [s-1]
    resistance, capacitance : ndarray
        Limits of Re Z and -1/(w Im Z) of the model at low frequencies [ohm m2, F m-2].
    exponent : ndarray
        a, 0.5 to 1.

    References
    ----------
    .. [1] G. J. Brug et al., J. Electroanal. Chem. 176, 275 (1984).
    """
    p = 1j * omega * resistance * capacitance
    return np.asarray((p ** (1.0 - exponent) - 1.0) / (1j * omega * capacitance))


def cell_impedance(
    cell: Mapping[str, Array],
    omega: Array,
    stack: Complex,
    contact: tuple[Array, Array],
    end: tuple[Array, Array] | None,
    *,
    per_area: bool,
) -> Complex:
    """Return the impedance that an instrument sees.

    Parameters
    ----------
    cell : mapping of str to ndarray, shape (n_rows,)
        Values of the parameters of the cell in the units of their keys; those that are not there do not act.
    omega : ndarray, shape (n,)
        [s-1]
    stack : ndarray of complex, shape (n_rows, n)
        Impedance of the stack [ohm m2].
    contact : (resistance, capacitance), each shape (n_rows,)
        Of the contact [ohm m2, F m-2].
    end : (resistance, capacitance) or None
        Limits at low frequencies with a blocking end, where they are asked for.
    per_area : bool
        In ohm m2; otherwise in ohm.

    Returns
    -------
    ndarray of complex, shape (n_rows, n)
        i w L + (Z + R_s + diffusion elements + constant phases)/A, times A where `per_area`.
    """
    value = {name: np.asarray(cell.get(name, number.absent), dtype=float) for name, number in CELL.items()}
    value = {name: v[:, None] if v.ndim else v for name, v in value.items()}
    total = stack + CM2 * value["series_resistance_ohm_cm2"]
    for kind, law in (("open", open_warburg), ("transmissive", transmissive_warburg)):
        name = f"{kind}_warburg_resistance_ohm_cm2"
        if name in cell:
            total = total + law(omega, CM2 * value[name], value[f"{kind}_warburg_time_s"])
    if "contact_phase_exponent" in cell:
        resistance, capacitance = (part[:, None] for part in contact)
        total = total + constant_phase_contact(omega, resistance, capacitance, value["contact_phase_exponent"])
    if "blocking_phase_exponent" in cell and end is not None:
        resistance, capacitance = (part[:, None] for part in end)
        total = total + constant_phase_end(omega, resistance, capacitance, value["blocking_phase_exponent"])
    area = CM2 * value[AREA]
    leads = 1j * omega * NH * value["inductance_nH"]
    return np.asarray(total + leads * area if per_area else leads + total / area)


__all__ = [
    "cell_impedance",
    "constant_phase_contact",
    "constant_phase_end",
    "open_warburg",
    "transmissive_warburg",
]
