"""Numbers of planes of lattice sites, declared as those of stacks are in :mod:`spacecharge.model.numbers`."""

# No future import: the table reads its annotations as they are (see `declaration.rows_of`).
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from .declaration import Number


class LatticeNumbers:
    """Numbers of a problem of planes as a whole."""

    cross_section_nm2: Annotated[
        float, Number(low=1e-4, high=1e8, text="Area to which the sites of the file belong", rule="none")
    ]
    permittivity: Annotated[
        float, Number(low=1.0, high=1e7, text="Relative permittivity", words="relative permittivity", rule="none")
    ]
    window_nm: Annotated[
        Sequence[float], Number(low=-1e5, high=1e5, text="Part of the file that is solved, from and to", rule="none")
    ]
    bulk_nm: Annotated[
        Sequence[float],
        Number(low=-1e5, high=1e5, text="Part of the window that counts as the grain, from and to", rule="none"),
    ]
    merge_nm: Annotated[
        float,
        Number(low=0.0, high=10.0, text="Sites so close belong to one plane", default=0.02, rule="none"),
    ]
    conductivity_S_per_m: Annotated[
        float | Mapping[str, Any],
        Number(low=1e-40, high=1e7, text="Conductivity of the grain", words="conductivity of the grain", rule="law"),
    ]


class LatticeSpeciesNumbers:
    """Numbers of a defect on the sites."""

    charge_number: Annotated[
        float,
        Number(
            low=-10.0,
            high=10.0,
            text="Signed charge number, not 0",
            words="charge number",
            nonzero="a defect must carry charge",
            rule="none",
        ),
    ]
    fraction: Annotated[
        float,
        Number(
            low=0.0,
            high=0.999999,
            text="Mole fraction in the grain: share of its sites that it occupies",
            words="mole fraction",
            rule="none",
        ),
    ]


class FreezingNumbers:
    """Numbers below ``mobile`` of a defect that freezes."""

    frozen_at_K: Annotated[
        float,
        Number(
            low=1.0,
            high=5000.0,
            text="Temperature below which its profile stays",
            words="freezing temperature",
            rule="none",
        ),
    ]


__all__ = ["FreezingNumbers", "LatticeNumbers", "LatticeSpeciesNumbers"]
