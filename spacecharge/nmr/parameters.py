"""The parameters of every model: names, units, bounds, defaults, Arrhenius laws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a parameter is before anything is said about it.

    Parameters
    ----------
    name : str
        Key in the configuration, with its unit.
    unit : str
        SI unit as result files write it.
    long_name : str
        In words.
    initial : float or None
        Default first value; None: found by a search, or asked for.
    minimum, maximum : float
        Physical bounds.
    log : bool
        Fitted as its logarithm.
    fixed : bool
        Held at `initial` unless the configuration frees it.
    optional : bool
        Part of the model only where the configuration names it.
    per_temperature : bool
        One value for every temperature (numbered from the coldest), unless fixed.
    search : bool
        Looked for on a grid where no first value is given.
    """

    name: str
    unit: str
    long_name: str
    initial: float | None = None
    minimum: float = -math.inf
    maximum: float = math.inf
    log: bool = False
    fixed: bool = False
    optional: bool = False
    per_temperature: bool = False
    search: bool = False


def _rate(name: str, unit: str, words: str, low: float, high: float, **more: Any) -> Rule:
    return Rule(name=name, unit=unit, long_name=words, minimum=low, maximum=high, log=True, **more)


def _energy(name: str, words: str, **more: Any) -> Rule:
    more.setdefault("initial", 0.3)
    return Rule(name=name, unit="eV", long_name=words, minimum=-1.0, maximum=5.0, **more)


_OFFSET = Rule(name="offset", unit="1", long_name="signal without exchange", initial=0.0, fixed=True)
_T1 = tuple(
    _rate(f"t1_{site}_s", "s", f"longitudinal relaxation time of {site}", 1e-9, 1e9, optional=True) for site in "AB"
)


def _diffusion(model: Mapping[str, Any], observable: str) -> tuple[Rule, ...]:
    boundary = model["boundary"]
    rules = [
        _rate(
            "diffusivity_m2_per_s", "m2 s-1", "diffusivity in A at the reference temperature", 1e-40, 1.0, search=True
        ),
        _energy("activation_energy_eV", "activation energy of the diffusivity in A", search=True),
    ]
    if boundary in ("barrier", "barrier_bath", "two_phase"):
        optional = boundary == "two_phase"
        rules += [
            _rate(
                "surface_exchange_m_per_s",
                "m s-1",
                "transfer coefficient of the surface at the reference temperature",
                1e-40,
                1e10,
                search=not optional,
                optional=optional,
            ),
            _energy(
                "surface_activation_energy_eV",
                "activation energy of the transfer coefficient",
                search=not optional,
                optional=optional,
            ),
        ]
    if boundary in ("bath", "barrier_bath", "two_phase"):
        rules.append(_rate("magnetisation_ratio", "1", "equilibrium magnetisation of B over A", 1e-6, 1e6, initial=1.0))
    if boundary == "two_phase":
        rules += [
            _rate(
                "diffusivity_B_m2_per_s",
                "m2 s-1",
                "diffusivity in B at the reference temperature",
                1e-40,
                1.0,
                search=True,
            ),
            _energy("activation_energy_B_eV", "activation energy of the diffusivity in B"),
        ]
    fraction = observable == "fraction"
    amplitude = Rule(
        name="amplitude",
        unit="1",
        long_name="share of A that takes part" if fraction else "equilibrium signal of A",
        initial=1.0,
        minimum=0.0,
        fixed=fraction,
        per_temperature=True,
    )
    spread = Rule(
        name="size_spread",
        unit="1",
        long_name="sigma of ln(size)",
        initial=float(model.get("size_spread") or 0.3),
        minimum=0.0,
        maximum=2.0,
        optional=True,
    )
    return (*rules, spread, *_T1, amplitude, _OFFSET)


def _kinetic(model: Mapping[str, Any], observable: str) -> tuple[Rule, ...]:
    sites = model["sites"]
    rules = []
    pairs = [(i, j) for n, i in enumerate(sites) for j in sites[n + 1 :]]
    for i, j in pairs:
        suffix = "" if len(pairs) == 1 else f"_{i}{j}"
        rules += [
            _rate(
                f"exchange_rate{suffix}_per_s",
                "s-1",
                f"k_{i}{j} + k_{j}{i} at the reference temperature",
                1e-12,
                1e15,
                search=True,
            ),
            _energy(f"activation_energy{suffix}_eV", f"activation energy of the exchange {i} {j}", search=True),
        ]
    for site in sites[1:]:
        rules.append(
            _rate(
                f"magnetisation_{site}",
                "1",
                f"equilibrium magnetisation of {site} over {sites[0]}",
                1e-6,
                1e6,
                initial=1.0,
            )
        )
    rules += [
        _rate(f"t1_{site}_s", "s", f"longitudinal relaxation time of {site}", 1e-9, 1e9, optional=True)
        for site in sites
    ]
    rules.append(
        Rule(
            name="amplitude",
            unit="1",
            long_name=f"equilibrium signal of {sites[0]}",
            initial=1.0,
            minimum=0.0,
            fixed=observable == "fraction",
            per_temperature=True,
        )
    )
    return (*rules, _OFFSET)


_JUMP = (
    _rate("correlation_time_s", "s", "correlation time at the reference temperature", 1e-16, 1e6, search=True),
    _energy("activation_energy_eV", "activation energy of the jumps", search=True),
)


def _relaxation(model: Mapping[str, Any]) -> tuple[Rule, ...]:
    kind = model["kind"]
    if kind == "break":
        return (
            _rate("plateau_s", "s", "T2 of the rigid lattice", 1e-12, 1e6, search=True),
            Rule(
                name="break_temperature_K",
                unit="K",
                long_name="end of the plateau",
                minimum=1.0,
                maximum=5000.0,
                search=True,
            ),
            _energy("activation_energy_eV", "activation energy of the jumps", initial=0.2),
        )
    if kind == "anderson_weiss":
        return (
            *_JUMP,
            _rate("second_moment_per_s2", "s-2", "second moment of the rigid lattice", 1.0, 1e20, search=True),
        )
    coupling = (
        _rate("quadrupolar_coupling_per_s2", "s-2", "quadrupolar constant K", 1.0, 1e24, search=True)
        if kind == "quadrupolar"
        else _rate("dipolar_coupling_per_s2", "s-2", "dipolar constant C", 1.0, 1e24, search=True)
    )
    law = model.get("spectral_density", "bpp")
    stretched = law == "kww"
    beta = Rule(
        name="beta",
        unit="1",
        long_name="stretching exponent of the correlation function"
        if stretched
        else "exponent of the spectral density",
        initial={"richards": 1.7, "kww": 0.6}.get(law, 2.0),
        minimum=0.1 if stretched else 1.01,
        maximum=1.0 if stretched else 2.0,
        fixed=law == "bpp",
        search=law != "bpp",
    )
    offset = Rule(
        name="rate_offset_per_s", unit="s-1", long_name="rate without motion", initial=0.0, minimum=0.0, fixed=True
    )
    return (*_JUMP, coupling, beta, offset)


def _recovery(model: Mapping[str, Any]) -> tuple[Rule, ...]:
    kind, each = model["kind"], {"per_temperature": True}
    lawful = model.get("temperature_law") == "arrhenius"
    # Where a law joins the temperatures, what belongs to the motion is shared and what belongs to a measurement is not.
    motion = {} if lawful else each
    words = "time constant at the reference temperature" if lawful else "time constant"
    rules = [
        Rule(name="amplitude", unit="1", long_name="equilibrium signal", search=True, **each),
        _rate("time_constant_s", "s", words, 1e-12, 1e9, search=True, **motion),
    ]
    if lawful:
        rules.append(_energy("time_constant_activation_energy_eV", "activation energy of its rate", search=True))
    if kind == "stretched":
        rules.append(
            Rule(
                name="stretching",
                unit="1",
                long_name="stretching exponent",
                initial=0.8,
                minimum=0.05,
                maximum=2.0,
                search=True,
                **motion,
            )
        )
    if kind in ("biexponential", "quadrupolar"):
        rules.append(_rate("time_constant_2_s", "s", f"second {words}", 1e-12, 1e9, search=True, **motion))
        if lawful:
            rules.append(_energy("time_constant_2_activation_energy_eV", "activation energy of its rate", search=True))
    if kind == "biexponential":
        rules.append(
            Rule(
                name="fraction",
                unit="1",
                long_name="share of the first part",
                initial=0.5,
                minimum=0.0,
                maximum=1.0,
                search=True,
                **motion,
            )
        )
    if model["sequence"] != "decay":
        rules.append(
            Rule(
                name="efficiency",
                unit="1",
                long_name="efficiency of the preparation",
                initial=1.0,
                minimum=0.0,
                maximum=1.2,
                # An inversion is never perfect, and 85 % read as 100 % make T1 a third too short. After saturation
                # efficiency and time constant are hardly told apart by a curve that starts late.
                fixed=model["sequence"] != "inversion",
                search=model["sequence"] == "inversion",
                **each,
            )
        )
    if model.get("magnitude"):
        rules.append(
            Rule(
                name="noise_floor",
                unit="1",
                long_name="magnitude without signal",
                initial=0.0,
                minimum=0.0,
                fixed=True,
                **each,
            )
        )
    rules.append(Rule(name="offset", unit="1", long_name="signal that does not relax", initial=0.0, fixed=True, **each))
    return tuple(rules)


def rules_for(kind: str, model: Mapping[str, Any], observable: str = "fraction") -> tuple[Rule, ...]:
    """Return the parameters of a model.

    Parameters
    ----------
    kind : {'exsy', 'relaxation', 'recovery'}
        What is fitted.
    model : mapping
        Checked model keys, at least its ``kind``.
    observable : {'fraction', 'intensities'}
        What an exchange fit compares.

    Returns
    -------
    tuple of Rule
        In the order in which results list them.
    """
    if kind == "exsy":
        return _diffusion(model, observable) if model["kind"] == "diffusion" else _kinetic(model, observable)
    return _relaxation(model) if kind == "relaxation" else _recovery(model)


ARRHENIUS_ENERGY = {
    "diffusivity_m2_per_s": "activation_energy_eV",
    "surface_exchange_m_per_s": "surface_activation_energy_eV",
    "diffusivity_B_m2_per_s": "activation_energy_B_eV",
    "correlation_time_s": "activation_energy_eV",
    "time_constant_s": "time_constant_activation_energy_eV",
    "time_constant_2_s": "time_constant_2_activation_energy_eV",
}
"""Parameters that hold at the reference temperature to the energy of their Arrhenius law."""

FALLING = frozenset({"correlation_time_s", "time_constant_s", "time_constant_2_s"})
"""Times, which fall where their rate rises with temperature: their law carries the opposite sign."""


def energy_of(name: str) -> str | None:
    """Return the activation energy that belongs to a parameter, or None."""
    if name.startswith("exchange_rate"):
        return name.replace("exchange_rate", "activation_energy").replace("_per_s", "_eV")
    return ARRHENIUS_ENERGY.get(name)
