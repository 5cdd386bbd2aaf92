"""Models of exchange build-ups: diffusion out of particles, and kinetics between sites."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..config.fit_keys import FitConfig
from ..constants import NM, PER_NM3
from ..errors import FitError
from ..model.arrhenius import arrhenius as arrhenius_law
from ..nmr.arrhenius import arrhenius
from ..nmr.diffusion import GEOMETRIES
from ..nmr.exchange import Exchange, biot_number, exchange_intensities
from ..nmr.kinetics import kinetic_intensities, rate_matrix
from ..nmr.parameters import energy_of, rules_for
from ..nmr.transport import exchange_current_density, exchange_rate_from_fraction, horvai_resistance
from .exchange_data import ExchangeData
from .least_squares import Array, Problem
from .setup import Column, ParameterSet, Quantity, Rows, Setup, transport_number

AT_ONCE = 20_000
"""Data that are predicted together, over all rows of parameters: some megabytes of matrices."""


class BuildUp(NamedTuple):
    """Model of a build-up: how intensities follow from parameters, where to start, and what follows from a fit."""

    parameters: ParameterSet
    curves: Callable[[Array, Rows], NDArray[np.float64]]
    """Intensities (..., n, n_curves) of rows of the data, from values (..., n_parameters) where `many`."""
    places: Sequence[int]
    """Which of the curves each series of the data is."""
    starts: tuple[Array, ...]
    laws: tuple[str, ...]
    derived: tuple[Quantity, ...]
    notes: tuple[str, ...]
    advise: Callable[[Array, Sequence[str]], str] | None = None
    limits: tuple[tuple[str, float], ...] = ()
    many: bool = False
    """Whether `curves` takes many rows of values at once."""


def _setup(config: FitConfig, data: ExchangeData, model: BuildUp) -> Setup:
    """Join a model with amplitude and offset to what was measured."""
    parameters, curves, places, starts, laws, derived, notes, advise, limits, many = model
    amplitude = parameters.per_datum("amplitude", data.index)
    offset = parameters.place("offset")
    fraction = config.data["observable"] == "fraction"
    column = np.array(places)[data.series]

    def predict(values: Array, rows: Rows) -> Array:
        intensities = curves(values, rows)
        if fraction:
            signal = intensities[..., 1] / (intensities[..., 0] + intensities[..., 1])
        else:
            wanted = column[rows]
            signal = intensities[..., np.arange(wanted.size), wanted]
        return np.asarray(amplitude(values, rows) * signal + values[..., offset, None])

    def predict_many(values: Array, _: int) -> Array:
        step = max(1, AT_ONCE // data.y.size)
        parts = [predict(values[k : k + step], slice(None)) for k in range(0, values.shape[0], step)]
        return np.concatenate(parts)

    problem = Problem(
        parameters=tuple(parameters.parameters),
        predict=lambda values: predict(values, slice(None)),
        data=data.y,
        sigma=data.sigma,
        limit=data.limit,
        absolute_sigma=config.absolute_sigma,
        starts=starts,
        advise=advise,
        predict_many=predict_many if many else None,
    )
    return Setup(
        problem=problem,
        predict=predict,
        columns={
            "temperature": Column(values=data.temperature, unit="K", long_name="temperature"),
            "mixing_time": Column(values=data.time, unit="s", long_name="mixing time"),
        },
        order=data.time,
        quantity=Column(values=data.y, unit="1", long_name="exchanged fraction" if fraction else "intensity"),
        series=data.series,
        series_names=data.names,
        temperature_index=data.index,
        temperatures=data.temperatures,
        laws=laws,
        derived=derived,
        warnings=tuple(data.warnings),
        notes=(*data.notes, *notes),
        tables=data.tables,
        limits=limits,
    )


def _particles(model: dict[str, Any]) -> Exchange:
    """Return shape, size and surroundings of the particles."""
    return Exchange(
        geometry=model["geometry"],
        size=model["size_m"],
        boundary=model["boundary"],
        size_spread=model["size_spread"],
        weighting=model.get("size_weighting", "volume"),
        geometry_b=model.get("geometry_B", "slab"),
        size_b=model.get("size_B_m", 1e-6),
    )


def diffusion_setup(config: FitConfig, data: ExchangeData) -> Setup:
    """Return the fit of diffusion out of particles, ready to run."""
    model, reference = config.model, config.reference_temperature_K
    shape = _particles(model)
    directions, t = GEOMETRIES[shape.geometry], data.middle_time
    top = float(np.max(np.abs(data.y)))
    size2 = shape.size**2 / t
    parameters = ParameterSet(
        rules_for("exsy", model, config.data["observable"]),
        config.parameters,
        data.temperatures,
        {
            "diffusivity_m2_per_s": 0.1 * size2,
            "diffusivity_B_m2_per_s": 0.1 * shape.size_b**2 / t,
            "surface_exchange_m_per_s": shape.size / (directions * t),
            "amplitude": 1.0 if config.data["observable"] == "fraction" else top,
        },
    )
    at = {
        name: parameters.law(name, data.temperature, reference)
        for name in ("diffusivity_m2_per_s", "surface_exchange_m_per_s", "diffusivity_B_m2_per_s")
        if name in parameters
    }
    has_a, has_b = "t1_A_s" in parameters, "t1_B_s" in parameters

    def spread(values: Array) -> Exchange:
        """Return the particles with the fitted spread of their sizes."""
        if "size_spread" not in parameters:
            return shape
        return replace(shape, size_spread=parameters.get(values, "size_spread", 0.0))

    def rates(values: Array) -> tuple[float, float]:
        """Return 1/T1 of A and B; one that is given stands for both."""
        t1_a = parameters.get(values, "t1_A_s", math.inf)
        t1_b = parameters.get(values, "t1_B_s", math.inf)
        return 1.0 / (t1_a if has_a else t1_b), 1.0 / (t1_b if has_b else t1_a)

    def curves(values: Array, rows: Rows) -> NDArray[np.float64]:
        rate_a, rate_b = rates(values)
        return exchange_intensities(
            spread(values),
            data.time[rows],
            diffusivity=at["diffusivity_m2_per_s"](values, rows),
            surface_exchange=at["surface_exchange_m_per_s"](values, rows) if "surface_exchange_m_per_s" in at else None,
            ratio=parameters.get(values, "magnetisation_ratio", 1.0),
            rate_a=rate_a,
            rate_b=rate_b,
            diffusivity_b=at["diffusivity_B_m2_per_s"](values, rows) if "diffusivity_B_m2_per_s" in at else 1.0,
        )

    starts = _starts_of_diffusion(parameters, size2, shape.size / (directions * t), data.temperatures.size)
    volume_to_area = shape.size / directions

    def fraction_at(values: Array, time: float, temperature: float) -> float:
        """Return the fraction gone without relaxation."""
        laws = {
            name: float(
                arrhenius(temperature, values[parameters.place(name)], _energy(parameters, values, name), reference)
            )
            for name in at
        }
        curve = exchange_intensities(
            spread(values),
            [time],
            diffusivity=laws["diffusivity_m2_per_s"],
            surface_exchange=laws.get("surface_exchange_m_per_s"),
            ratio=parameters.get(values, "magnetisation_ratio", 1.0),
            diffusivity_b=laws.get("diffusivity_B_m2_per_s", 1.0),
        )
        return float(curve[0, 1])

    derived, notes = _derived_of_diffusion(config, parameters, fraction_at, volume_to_area)
    advise = _biot_advice(parameters, shape, reference, volume_to_area)
    limits = _limits_of_barrier(parameters, size2, shape.size / t)

    where = {(0, 0): 0, (0, 1): 1, (1, 0): 1, (1, 1): 2}
    if (1, 1) in data.pairs and not shape.has_capacity:
        raise FitError(
            f"diagonal_B cannot be compared with the boundary {shape.boundary}: B has no finite magnetisation"
        )
    places = [where[p] for p in data.pairs]
    laws = ("diffusivity_m2_per_s",)
    return _setup(
        config, data, BuildUp(parameters, curves, places, starts, laws, tuple(derived), notes, advise, limits)
    )


def _derived_of_diffusion(
    config: FitConfig,
    parameters: ParameterSet,
    fraction_at: Callable[[Array, float, float], float],
    volume_to_area: float,
) -> tuple[list[Quantity], tuple[str, ...]]:
    """Return the diffusivity at the temperature of the transport section, and the exchange current."""
    reference = config.reference_temperature_K
    room = config.transport["temperature_K"]
    derived = [
        Quantity(
            name="diffusivity",
            unit="m2 s-1",
            long_name=f"diffusivity in A at {room:g} K",
            function=lambda v: float(
                arrhenius(
                    room,
                    v[parameters.place("diffusivity_m2_per_s")],
                    _energy(parameters, v, "diffusivity_m2_per_s"),
                    reference,
                )
            ),
        )
    ]
    initial_rate = None
    if "surface_exchange_m_per_s" in parameters:

        def initial_rate(values: Array) -> float:
            place = parameters.place("surface_exchange_m_per_s")
            energy = _energy(parameters, values, "surface_exchange_m_per_s")
            return float(arrhenius(room, values[place], energy, reference)) / volume_to_area

    more, notes = _exchange_current(config, fraction_at, initial_rate, volume_to_area)
    derived += more
    return derived, notes


def _biot_advice(
    parameters: ParameterSet, shape: Exchange, reference: float, volume_to_area: float
) -> Callable[[Array, Sequence[str]], str]:
    """Return what says which of barrier and diffusion the data determine."""

    def advise(values: Array, names: Sequence[str]) -> str:
        if (
            not {"diffusivity_m2_per_s", "surface_exchange_m_per_s"} & set(names)
            or "surface_exchange_m_per_s" not in parameters
        ):
            return ""
        d = float(values[parameters.place("diffusivity_m2_per_s")])
        h = float(values[parameters.place("surface_exchange_m_per_s")])
        biot = biot_number(shape, d, h)
        if biot < 1.0:
            return (
                f"the barrier limits (Biot number {biot:.2g}), the data determine only the rate nu h/a = "
                f"{h / volume_to_area:.4g} 1/s at {reference:g} K: fix diffusivity_m2_per_s (and its energy) "
                "at a large value"
            )
        return (
            f"diffusion limits (Biot number {biot:.2g}), the data determine only D = {d:.4g} m2/s at {reference:g} K: "
            "use the boundary without barrier, or fix surface_exchange_m_per_s and its energy"
        )

    return advise


def _starts_of_diffusion(
    parameters: ParameterSet, diffusivity: float, velocity: float, n_temperatures: int
) -> tuple[Array, ...]:
    """Return starting points over decades of diffusivity and transfer coefficient."""
    energies = (0.15, 0.35, 0.6) if n_temperatures > 1 else (0.3,)
    return parameters.starts(
        {
            "diffusivity_m2_per_s": list(diffusivity * np.geomspace(1e-4, 1e2, 7)),
            "activation_energy_eV": energies,
            "surface_exchange_m_per_s": list(velocity * np.geomspace(1e-2, 1e2, 5)),
            "surface_activation_energy_eV": energies,
        }
    )


def _limits_of_barrier(parameters: ParameterSet, diffusivity: float, velocity: float) -> tuple[tuple[str, float], ...]:
    """Return diffusivity and transfer coefficient far faster than anything that happens within the mixing times."""
    both = ("diffusivity_m2_per_s", "surface_exchange_m_per_s")
    if all(name in parameters and not parameters.parameters[parameters.place(name)].fixed for name in both):
        return ((both[0], min(1.0, 1e6 * diffusivity)), (both[1], 1e6 * velocity))
    return ()


def _energy(parameters: ParameterSet, values: Array, name: str) -> float:
    energy = energy_of(name)
    return parameters.get(values, energy, 0.0) if energy is not None else 0.0


def _exchange_current(
    config: FitConfig,
    fraction_at: Callable[[Array, float, float], float],
    initial_rate: Callable[[Array], float] | None,
    volume_to_area: float,
) -> tuple[list[Quantity], tuple[str, ...]]:
    """Return fraction, rate, exchange current density and interface resistance at room temperature."""
    room, time = config.transport["temperature_K"], config.transport["exchange_time_s"]
    density = transport_number(config, "number_density_per_nm3") * PER_NM3
    given = transport_number(config, "volume_to_area_nm") * NM
    length = volume_to_area if math.isnan(given) else given
    reading = config.transport["reading"]
    derived: list[Quantity] = []
    if time is not None:
        derived.append(
            Quantity(
                name="exchanged_fraction",
                unit="1",
                long_name=f"fraction exchanged in {time:g} s at {room:g} K",
                function=lambda v: fraction_at(v, time, room),
            )
        )
    rate: Callable[[Array], float]
    if reading == "initial-rate" and initial_rate is not None:
        rate, note = initial_rate, "exchange rate: initial-rate, the slope of the build-up at zero mixing time"
    elif time is not None:
        rate = lambda v: float(exchange_rate_from_fraction(fraction_at(v, time, room), time, reading))  # noqa: E731
        note = (
            f"exchange rate: paper, the fraction exchanged in {time:g} s over that time"
            if reading == "paper"
            else f"exchange rate: initial-rate, -ln(1 - fraction)/t at {time:g} s (first order, irreversible)"
        )
    else:
        return derived, ()
    derived.append(
        Quantity(name="exchange_rate", unit="s-1", long_name=f"exchange rate at {room:g} K ({reading})", function=rate)
    )
    if not math.isnan(density) and not math.isnan(length):

        def current(values: Array) -> float:
            return float(exchange_current_density(rate(values), density, length))

        derived += [
            Quantity(
                name="exchange_current_density",
                unit="A m-2",
                function=current,
                long_name=f"exchange current density at {room:g} K ({reading})",
            ),
            Quantity(
                name="interface_resistance",
                unit="ohm m2",
                long_name=f"interface resistance kT/(e i0) at {room:g} K",
                function=lambda v: float(horvai_resistance(current(v), room)),
            ),
        ]
    return derived, (note,)


def kinetic_setup(config: FitConfig, data: ExchangeData) -> Setup:
    """Return the fit of exchange between sites at constant rates, ready to run."""
    sites: list[str] = config.model["sites"]
    n_sites, reference = len(sites), config.reference_temperature_K
    t = data.middle_time
    pairs = [(i, j) for i in range(n_sites) for j in range(i + 1, n_sites)]
    suffix = {p: "" if len(pairs) == 1 else f"_{sites[p[0]]}{sites[p[1]]}" for p in pairs}
    keys = {p: f"exchange_rate{suffix[p]}_per_s" for p in pairs}
    fraction = config.data["observable"] == "fraction"
    if fraction and n_sites > 2:
        raise FitError("a fraction is defined between two sites; use observable: intensities")
    parameters = ParameterSet(
        rules_for("exsy", config.model, config.data["observable"]),
        config.parameters,
        data.temperatures,
        {**dict.fromkeys(keys.values(), 1.0 / t), "amplitude": 1.0 if fraction else float(np.max(np.abs(data.y)))},
    )

    def matrices(values: Array, temperatures: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return K (n_rows, n_temperatures, n_sites, n_sites) and the populations (n_rows, n_sites)."""
        others = [parameters.column(values, f"magnetisation_{s}", 1.0) for s in sites[1:]]
        p = np.stack([np.ones(values.shape[0]), *others], axis=1)
        rates = np.zeros((values.shape[0], temperatures.size, n_sites, n_sites))
        for (i, j), key in keys.items():
            energy = parameters.column(values, energy_of(key) or "", 0.0)
            value = values[:, parameters.place(key)]
            rates[..., i, j] = rates[..., j, i] = arrhenius_law(
                value[:, None], energy[:, None], temperatures, reference
            )
        return rate_matrix(rates, p[:, None, :]), p

    def curves(each: Array, rows: Rows) -> NDArray[np.float64]:
        values = np.atleast_2d(each)
        relaxation = 1.0 / np.stack([parameters.column(values, f"t1_{s}_s", math.inf) for s in sites], axis=1)
        here, index = np.unique(data.index[rows], return_inverse=True)
        time, n, m = data.time[rows], values.shape[0], here.size
        matrix, p = matrices(values, data.temperatures[here])
        intensities = kinetic_intensities(
            matrix.reshape(-1, n_sites, n_sites),
            np.repeat(relaxation, m, axis=0),
            np.repeat(p, m, axis=0),
            np.tile(time, n),
            (m * np.arange(n)[:, None] + index).ravel(),
        )
        # Entry t, to, from; stored from-major so that A to A and A to B come first.
        return np.asarray(intensities.swapaxes(1, 2).reshape(*each.shape[:-1], time.size, n_sites * n_sites))

    energies = (0.15, 0.35, 0.6) if data.temperatures.size > 1 and len(pairs) == 1 else (0.3,)
    grids: dict[str, list[float]] = {
        key: list(np.geomspace(1e-3, 1e3, 7 if len(pairs) == 1 else 4) / t) for key in keys.values()
    }
    grids |= {f"activation_energy{suffix[p]}_eV": list(energies) for p in pairs}
    starts = parameters.starts(grids)
    room = config.transport["temperature_K"]

    def fraction_at(values: Array, time: float, temperature: float) -> float:
        matrix, p = matrices(values[None], np.array([temperature]))
        return 1.0 - float(kinetic_intensities(matrix[0], np.zeros(n_sites), p, [time])[0, 0, 0])

    def leaving_rate(values: Array) -> float:
        return -float(matrices(values[None], np.array([room]))[0][0, 0, 0, 0])

    more, notes = _exchange_current(config, fraction_at, leaving_rate, math.nan)
    places = [i * n_sites + j for i, j in data.pairs]
    laws = tuple(keys.values()) if len(pairs) == 1 else ()
    return _setup(config, data, BuildUp(parameters, curves, places, starts, laws, tuple(more), notes, many=True))


__all__ = ["diffusion_setup", "kinetic_setup"]
