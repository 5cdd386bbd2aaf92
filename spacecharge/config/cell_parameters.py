"""Parameters of a fit that are not of the model: the cell and the instrument around the stack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CellNumber:
    """A nuisance parameter: what a measured spectrum has in it that the stack has not.

    Parameters
    ----------
    name : str
        Its key among the parameters, with its unit.
    unit : str
        As printed.
    low, high : float
        Allowed range, and the bounds of a fit that gives none.
    default : float
        First value where none is given.
    absent : float
        Value without effect.
    words : str
        What it is.
    log : bool
        Whether its logarithm is fitted by default.
    """

    name: str
    unit: str
    low: float
    high: float
    default: float
    absent: float
    words: str
    log: bool = False


AREA = "electrode_area_cm2"

CELL = {
    number.name: number
    for number in (
        CellNumber(
            name=AREA, unit="cm2", low=1e-10, high=1e6, default=1.0, absent=1.0, words="electrode area", log=True
        ),
        CellNumber(
            name="series_resistance_ohm_cm2", unit="Ohm cm2", low=0.0, high=1e9, default=1.0, absent=0.0,
            words="series resistance",
        ),
        CellNumber(
            name="inductance_nH", unit="nH", low=0.0, high=1e9, default=100.0, absent=0.0,
            words="stray inductance of the leads",
        ),
        CellNumber(
            name="open_warburg_resistance_ohm_cm2", unit="Ohm cm2", low=0.0, high=1e12, default=1.0, absent=0.0,
            words="resistance of an electrode that stores by diffusion",
        ),
        CellNumber(
            name="open_warburg_time_s", unit="s", low=1e-12, high=1e15, default=1.0, absent=1.0,
            words="diffusion time L2/D of that electrode", log=True,
        ),
        CellNumber(
            name="transmissive_warburg_resistance_ohm_cm2", unit="Ohm cm2", low=0.0, high=1e12, default=1.0,
            absent=0.0, words="resistance of a diffusion layer that lets through",
        ),
        CellNumber(
            name="transmissive_warburg_time_s", unit="s", low=1e-12, high=1e15, default=1.0, absent=1.0,
            words="diffusion time L2/D of that layer", log=True,
        ),
        CellNumber(
            name="contact_phase_exponent", unit="1", low=0.5, high=1.0, default=0.95, absent=1.0,
            words="constant-phase exponent of the contact capacitance",
        ),
        CellNumber(
            name="blocking_phase_exponent", unit="1", low=0.5, high=1.0, default=0.95, absent=1.0,
            words="constant-phase exponent of the blocking end",
        ),
    )
}  # fmt: skip
"""By name. They act on spectra; the area acts on whatever is in ohm or farad of a cell too."""

PAIRS = (
    ("open_warburg_resistance_ohm_cm2", "open_warburg_time_s"),
    ("transmissive_warburg_resistance_ohm_cm2", "transmissive_warburg_time_s"),
)
"""Parameters that say something together only."""

NOT_OF_THE_MODEL = "not of the model"

__all__ = ["AREA", "CELL", "NOT_OF_THE_MODEL", "PAIRS", "CellNumber"]
