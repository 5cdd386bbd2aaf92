"""Why a point failed, in one line that says what to do."""

from __future__ import annotations

import numpy as np

from ..codes import EndKind, Statistics, Status
from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..model import StackParameters
from ..model.pools import members
from ..model.statistics import thermodynamic_slope


def failure_message(parameters: StackParameters, status: int, index: int = 0, *, mesh: bool = True) -> str:
    """Return one line about a point that failed.

    Parameters
    ----------
    parameters : StackParameters
        The points.
    status : int
        Status of the point, not 0.
    index : int
        The point.
    mesh : bool
        Whether a solution was found on some mesh (status 4).

    Returns
    -------
    str
        What the status means for this point.
    """
    status = Status(status)
    if status == Status.MISCIBILITY_GAP:
        return gap_messages(parameters, index)
    if status == Status.NOT_CONVERGED:
        return _too_much_charge(parameters, index) or status.message
    if status == Status.INVALID_POINT and parameters.reasons:
        return f"{status.message}: {'; '.join(parameters.reasons)}"
    if status == Status.ACCURACY_NOT_REACHED and not mesh:
        return f"{status.words}: no mesh that fits into memory resolves these potentials; loosen tolerance_V"
    return status.message


def _too_much_charge(parameters: StackParameters, index: int) -> str | None:
    """Return why no state undoes the fixed charges of ends and contacts, None where one does."""
    p = parameters
    if any(EndKind(kind).takes_any_charge for kind in p.end_kind.tolist()):
        return None
    fixed = float(p.contact_charge[index].sum())
    fixed += sum(float(p.end_value[index, k]) for k in range(2) if p.end_kind[k] == EndKind.SURFACE_CHARGE)
    whole = p.charge_number[index] * p.site_density[index] * ELEMENTARY_CHARGE * p.thickness[index][:, None]
    empty = -whole * p.bulk_occupancy[index]
    with np.errstate(invalid="ignore"):
        limited = np.isin(p.statistics, [law for law in Statistics if law.has_vacancies])
        full = np.where(whole == 0.0, 0.0, whole * np.where(limited, p.bulk_vacancy[index], np.inf))
    for i in range(p.n_layers):
        for shared in members(p.pools, p.statistics, i):
            # One state fills the sites of a pool.
            of_site = np.append(p.charge_number[index, i, shared], 0.0)
            sites = whole[i, shared[0]] / of_site[0]
            bulk = -empty[i, shared].sum()
            empty[i, shared], full[i, shared] = 0.0, 0.0
            empty[i, shared[0]], full[i, shared[0]] = sites * of_site.min() - bulk, sites * of_site.max() - bulk
    low, high = float(np.minimum(empty, full).sum()), float(np.maximum(empty, full).sum())
    for plane in p.planes:
        at = (index, plane.contact + plane.side, plane.species)
        sites = float(p.charge_number[at] * ELEMENTARY_CHARGE * p.array("plane_density")[index, plane.contact])
        bulk = float(p.bulk_occupancy[at]) if plane.is_neutral else 0.0
        held = (-sites * bulk, sites * (1.0 - bulk))
        low, high = low + min(held), high + max(held)
        fixed += 0.0 if plane.is_neutral else float(p.array("plane_background")[index, plane.contact])
    if fixed == 0.0 or low < -fixed < high:
        return None
    return (
        f"not converged, for no solution exists: ends and contacts carry {fixed:.6g} C/m2 and the layers, empty or "
        f"full, hold only {low:.6g} to {high:.6g} C/m2; lower the charge, thicken a layer, or let an end be bulk"
    )


def gap_messages(parameters: StackParameters, index: int = 0) -> str:
    """Return one line naming the species, occupancy range and critical J behind a miscibility gap.

    Parameters
    ----------
    parameters : StackParameters
        The points.
    index : int
        The point with status 2.

    Returns
    -------
    str
        Layer, occupancies between which d mu/d theta <= 0, temperature, J given and critical J of the same signs.
    """
    p = parameters
    kt = BOLTZMANN * float(p.temperature[index])
    theta = 1.0 / (1.0 + np.exp(-np.linspace(-25.0, 25.0, 20001)))
    parts = []
    for i, name in enumerate(p.layer_names):
        for s in range(p.n_species):
            occ = float(p.interaction_occupied[index, i, s])
            vac = float(p.interaction_vacancy[index, i, s])
            if p.site_density[index, i, s] == 0.0 or (occ >= 0.0 and vac >= 0.0):
                continue
            species = "" if p.n_species == 1 else f", species {p.layer_species[i][s]}"
            if p.statistics[i, s] != Statistics.LATTICE:
                if occ < 0.0:
                    parts.append(_dilute_gap(f"{name}{species}", occ, p, index, float(p.bulk_occupancy[index, i, s])))
                continue
            slope = thermodynamic_slope(theta, occ / kt, vac / kt)
            if slope.min() > 0.0:
                continue
            inside = theta[slope <= 0.0]
            factor = 1.0 / (1.0 - slope.min())
            parts.append(
                f"{name}{species}: d mu/d theta <= 0 for occupancies {inside[0]:.4g} to {inside[-1]:.4g} at "
                f"{p.temperature[index]:g} K (J_occ {occ / ELEMENTARY_CHARGE:g} eV, J_vac "
                f"{vac / ELEMENTARY_CHARGE:g} eV; critical at {factor:.4g} times these, "
                f"J_occ {occ * factor / ELEMENTARY_CHARGE:.4g} eV, J_vac {vac * factor / ELEMENTARY_CHARGE:.4g} eV)"
            )
    return "miscibility gap: " + ("; ".join(parts) if parts else Status.MISCIBILITY_GAP.advice)


def _dilute_gap(name: str, occ: float, parameters: StackParameters, index: int, bulk: float) -> str:
    """Return the same for a dilute species, whose slope 1 + (4/9) (J_occ/kT) theta^(1/3) ends at one occupancy."""
    temperature = float(parameters.temperature[index])
    kt = BOLTZMANN * temperature
    end = (-9.0 * kt / (4.0 * occ)) ** 3
    critical = -9.0 * kt / (4.0 * bulk ** (1.0 / 3.0)) / ELEMENTARY_CHARGE
    return (
        f"{name}: d mu/d theta <= 0 for occupancies from {end:.4g} on at {temperature:g} K with dilute statistics "
        f"(J_occ {occ / ELEMENTARY_CHARGE:g} eV, bulk occupancy {bulk:.4g}; at the bulk itself from "
        f"J_occ {critical:.4g} eV on)"
    )


__all__ = ["failure_message", "gap_messages"]
