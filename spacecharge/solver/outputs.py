"""Declaration of the variables of a result: names, dimensions and units as in the result file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """Declaration of one variable of a result.

    Parameters
    ----------
    name : str
        Name in files and in Python.
    dims : tuple of str
        Dimensions after the sweep axes: ``contact``, ``side``, ``layer``, ``species``. A species
        axis falls away where there is only one species.
    units : str
        SI units as written in the file.
    long_name : str
        What a plot axis says.
    dtype : str
        ``f8`` or ``i4``.
    """

    name: str
    dims: tuple[str, ...]
    units: str
    long_name: str
    dtype: str = "f8"


_CS, _L, _C = ("contact", "side"), ("layer",), ("contact",)

OUTPUTS: tuple[Output, ...] = (
    Output("status", (), "1", "status of the solve", "i4"),
    Output("iterations", (), "1", "Newton iterations", "i4"),
    Output("contact_potential", _CS, "V", "electrostatic potential at the contact"),
    Output("contact_field", _CS, "V m-1", "electric field at the contact"),
    Output("space_charge_potential", _CS, "V", "contact potential minus neutral bulk of the layer"),
    Output("contact_occupancy", (*_CS, "species"), "1", "occupancy at the contact"),
    Output("contact_vacancy", (*_CS, "species"), "1", "vacancy fraction at the contact"),
    Output("space_charge_width", (*_CS, "species"), "m", "width of the space-charge region"),
    Output("resistance", _CS, "ohm m2", "resistance of the space-charge region"),
    Output("charge", _L, "C m-2", "areal charge of the layer"),
    Output("debye_length", _L, "m", "Debye length of the layer"),
    Output("layer_resistance", _L, "ohm m2", "resistance of the whole layer"),
    Output("excess_resistance", _L, "ohm m2", "resistance of the layer minus that of its neutral bulk"),
    Output("interface_resistance", (), "ohm m2", "interface resistance"),
    Output("static_capacitance", _C, "F m-2", "static capacitance"),
    Output("differential_capacitance", _C, "F m-2", "differential capacitance"),
    Output("characteristic_frequency", _C, "Hz", "characteristic frequency 1/(2 pi R C)"),
    Output("potential_error_estimate", (), "V", "estimated error of the contact potential"),
    Output("resistance_error_estimate", (), "1", "estimated relative error of the resistance"),
    Output("charge_balance", (), "C m-2", "total charge of the stack and its ends"),
    Output("validity", (), "1", "validity flags: 1 Debye length, 2 field, 4 thin layer", "i4"),
)
