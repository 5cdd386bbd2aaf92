"""Numbers of a load: what drives a steady current through a stack."""

# Annotations are read as they stand (see `declaration.rows_of`): not postponed here.
from typing import Annotated

from .declaration import Number


class LoadNumbers:
    """Numbers below ``load``."""

    current_density_mA_per_cm2: Annotated[
        float, Number(low=-1e9, high=1e9, text="Current density, positive to the right", rule="none", harmless=0.0)
    ]
    voltage_V: Annotated[
        float, Number(low=-100.0, high=100.0, text="Polarisation, v left minus right", rule="none", harmless=0.0)
    ]


__all__ = ["LoadNumbers"]
