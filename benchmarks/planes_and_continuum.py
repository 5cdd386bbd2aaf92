"""LAGP as planes of sites beside the continuum: potential, charge and resistance against the distance of planes.

    python benchmarks/planes_and_continuum.py        # the table, and benchmarks/figures/planes_and_continuum.png

A sheet of charge lies in an endless LAGP without interaction (J = 0; planes know none). On each side the continuum is a
layer with half that charge at its end; the planes hold the same sites per volume at a distance that is varied. The
contact potential is that of the 0.4 V case of the README without interaction, 0.2713 V, and its opposite.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.constants import elementary_charge, k
from scipy.optimize import brentq

import spacecharge as sc
from spacecharge.lattice import Site, Sites
from spacecharge.plotting.style import PALETTE, letters, new_figure, styled

ROOT = Path(__file__).resolve().parents[1]
KELVIN, CONTACT = 298.15, 0.2713
PER_PLANE = 1000
DISTANCES = np.geomspace(0.01, 0.6, 25)
LAYER = sc.Layer(name="LAGP", material="LAGP", thickness_nm=30, interaction={"occupied_eV": 0.0, "vacancy_eV": 0.0})
DENSITY, OCCUPANCY = LAYER.site_density_per_nm3, LAYER.occupancy


def planes(distance: float, charge: float) -> sc.LatticeSolution:
    """Return the planes around a sheet of `charge` [uC/cm2], `distance` [nm] apart."""
    n = max(12, int(np.ceil(3.0 / distance)))
    area = PER_PLANE / (DENSITY * distance)
    sheet = charge * 1e-8 / elementary_charge * 1e-12 * area
    items = []
    for i in range(-n - 2, n + 3):
        x = i * distance * 1e-9
        items.append(Site("Li", -OCCUPANCY, x, (("Li", 0.0),), PER_PLANE))
        if i == 0:
            items.append(Site("sheet", sheet, x, (("none", 0.0),)))
    return sc.solve_lattice(
        sc.Lattice(
            sites=Sites(tuple(items), "made here"),
            cross_section_nm2=area,
            permittivity=LAYER.permittivity,
            window_nm=((-n - 0.5) * distance, (n + 0.5) * distance),
            bulk_nm=((-n - 0.5) * distance, (-n + 2.5) * distance),
            boundary="bulk",
            site_charges=True,
            merge_nm=0.0,
            temperature_K=KELVIN,
            species={
                "Li": {"site": "Li", "charge_number": 1, "fraction": OCCUPANCY},
                "none": {"site": "sheet", "charge_number": 1, "fraction": 0.0},
            },
        )
    )


def contact_potential(solution: sc.LatticeSolution) -> float:
    """Return the potential of the sheet [V]."""
    return float(solution.potential[len(solution.potential) // 2])


def charge_at(distance: float, potential: float, guess: float) -> float:
    """Return the charge of the sheet [uC/cm2] that puts it at `potential` [V]."""

    def off(log_ratio: float) -> float:
        try:
            found = contact_potential(planes(distance, guess * np.exp(log_ratio)))
        except sc.ConvergenceError:
            # More charge than the sites can hold.
            found = 10.0 * np.sign(guess)
        return (found - potential) * np.sign(guess)

    return float(guess * np.exp(brentq(off, -3.0, 3.0, xtol=1e-10)))


def continuum(potential: float) -> tuple[float, float]:
    """Return the charge of the sheet [uC/cm2] and the excess resistance of one side [Ohm cm2]."""
    end = sc.End(kind="electrostatic_potential_V", value=potential)
    stack = sc.Stack([LAYER], temperature_K=KELVIN, left=end, right=sc.End(kind="bulk"))
    solution = sc.solve(stack, tolerance_V=1e-9)
    return -2e2 * float(sc.charge(solution)[0]), 1e4 * float(sc.excess_resistance(solution)[0])


def conductivity() -> float:
    """Return that of the neutral LAGP by Nernst and Einstein [S/m]."""
    law = LAYER.diffusivity_m2_per_s
    diffusivity = law if isinstance(law, float) else law["value"]
    return elementary_charge**2 * DENSITY * 1e27 * OCCUPANCY * diffusivity / (k * KELVIN)


def main() -> None:
    end = sc.End(kind="electrostatic_potential_V", value=1e-3)
    debye = 1e9 * float(sc.debye_length(sc.solve(sc.Stack([LAYER], temperature_K=KELVIN, left=end)))[0])
    mean = DENSITY ** (-1.0 / 3.0)
    sigma = conductivity()
    rows = {}
    print(f"Debye length {debye:.4f} nm, mean distance of sites {mean:.3f} nm, conductivity {sigma:.3e} S/m")
    print("contact V  distance nm  contact V at the continuum's charge  charge / continuum  resistance / continuum")
    for potential in (CONTACT, -CONTACT):
        charge, resistance = continuum(potential)
        found = []
        for distance in DISTANCES:
            at_charge = contact_potential(planes(distance, charge))
            q = charge_at(distance, potential, charge)
            excess = 0.5e4 * float(planes(distance, q).scalars["excess_thickness"]) / sigma
            found.append((at_charge, q, excess))
            ratios = f"{q / charge:18.4f}  {excess / resistance:22.4g}"
            print(f"{potential:9.4f}  {distance:11.4f}  {at_charge:35.4f}  {ratios}")
        rows[potential] = (charge, resistance, np.array(found))
    draw(rows, debye, mean)


def draw(rows: dict[float, tuple[float, float, np.ndarray]], debye: float, mean: float) -> None:
    """Save the figure."""
    title = "LAGP beside a sheet of charge: planes of sites (lines), continuum (dashed)"
    with styled():
        figure, panels = new_figure(1, 3, title, "J = 0, 298.15 K")
        figure.set_figwidth(1.3 * figure.get_figwidth())
        labels = ("Potential of the sheet (V),\nat the continuum's charge", "|Charge| (µC cm$^{-2}$)")
        for (potential, (charge, resistance, found)), colour in zip(rows.items(), PALETTE, strict=False):
            name = "depleted" if potential > 0 else "enriched"
            text = f"{name}, {potential:+.2f} V".replace("-", "−")
            for panel, values, exact in zip(
                panels[0],
                (found[:, 0], np.abs(found[:, 1]), np.abs(found[:, 2])),
                (potential, abs(charge), abs(resistance)),
                strict=True,
            ):
                panel.plot(DISTANCES, values, color=colour, label=text)
                panel.axhline(exact, color=colour, linestyle="--", linewidth=0.9)
        for panel, label in zip(panels[0], (*labels, "|Excess resistance| of a side (Ω cm$^{2}$)"), strict=True):
            panel.set_xscale("log")
            panel.set_xlabel("Distance of planes (nm)")
            panel.set_ylabel(label)
            for at, words in ((debye, "Debye length"), (mean, "distance of sites")):
                panel.axvline(at, color="0.6", linewidth=0.7, linestyle=":")
                panel.text(at, 1.01, words, ha="center", va="bottom", fontsize=6.5, color="0.4",
                           transform=panel.get_xaxis_transform())  # fmt: skip
        panels[0, 1].set_ylim(bottom=0.0)
        panels[0, 2].set_yscale("log")
        panels[0, 0].legend(loc="center left")
        letters(list(panels[0]))
        target = ROOT / "benchmarks" / "figures" / "planes_and_continuum.png"
        figure.savefig(target)
        print(target.relative_to(ROOT))


if __name__ == "__main__":
    main()
