"""Configurations of planes of lattice sites: ``lattice:`` in place of ``layers:``, the same sweeps and outputs."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, StrictBool, StrictStr, Tag

from ..document.problems import Problems
from ..document.yaml import Document
from ..errors import ConfigError, ModelError
from ..lattice import BOUNDARIES, CLOSURES, Lattice, build_planes, notes_of
from ..model.numbers import LATTICE, LATTICE_SPECIES, number_of
from .axes import Sweep
from .config import CheckedConfig, OutputSettings
from .fields import Keys, quantity
from .paths import INTERVALS
from .schema import SolverKeys, StackNumbers, numbers_model
from .sweep_keys import SweepKeys

Array = NDArray[np.float64]

if TYPE_CHECKING:
    LatticeNumbers = Keys
    ConductivityLaw = Keys
    LatticeSpeciesNumbers = Keys
    FreezingKeys = Keys
else:
    _PLAIN = [row for row in LATTICE if row.rule != "law" and row.key not in INTERVALS]
    LatticeNumbers = numbers_model("LatticeNumbers", _PLAIN, optional=False)
    ConductivityLaw = numbers_model(
        "ConductivityLaw", [row for row in LATTICE if row.rule == "law" and "." in row.key], optional=False
    )
    ConductivityLaw.__doc__ = "Arrhenius law of sigma T; the value is that of sigma at at_K."
    LatticeSpeciesNumbers = numbers_model(
        "LatticeSpeciesNumbers", [row for row in LATTICE_SPECIES if "." not in row.key], optional=False
    )
    FreezingKeys = numbers_model("FreezingKeys", [row for row in LATTICE_SPECIES if "." in row.key], optional=False)
    FreezingKeys.__doc__ = "The profile of the equilibrium at this temperature, kept at every lower one."

Interval = Annotated[list[Annotated[float, quantity(number_of("window_nm"))]], Field(min_length=2, max_length=2)]
Mobility = Annotated[
    Annotated[StrictBool, Tag("<switch>")] | Annotated[FreezingKeys, Tag("<frozen>")],
    Discriminator(lambda value: "<frozen>" if isinstance(value, dict) else "<switch>"),
    Field(description="In equilibrium everywhere, at its mole fraction everywhere, or frozen below a temperature"),
]
Conductivity = Annotated[
    Annotated[float, quantity(number_of("conductivity_S_per_m")), Tag("<number>")]
    | Annotated[ConductivityLaw, Tag("<law>")],
    Discriminator(lambda value: "<law>" if isinstance(value, dict) else "<number>"),
    Field(description="Conductivity of the grain [S/m]: a number or an Arrhenius law"),
]


class LatticeSpeciesKeys(LatticeSpeciesNumbers):
    """A defect on the sites of one sublattice."""

    site: StrictStr = Field(description="Label of its sublattice in the file of sites")
    mobile: Mobility = True


class LatticeKeys(LatticeNumbers):
    """A grain boundary as planes of lattice sites."""

    sites: StrictStr = Field(description="File of sites, a line a site, relative to this configuration")
    window_nm: Interval | None = Field(default=None, description="Part of the file that is solved; default: all [nm]")
    bulk_nm: Interval = Field(description="Part of the window that counts as the grain [nm]")
    boundary: Literal[BOUNDARIES] = Field(  # type: ignore[valid-type]
        default="periodic", description="The window repeats itself, or an undisturbed grain follows"
    )
    closure: Literal[CLOSURES] = Field(  # type: ignore[valid-type]
        default="neutral", description="What closes a periodic cell"
    )
    site_charges: StrictBool = Field(default=False, description="Whether charges of the perfect lattice count")
    conductivity_S_per_m: Conductivity | None = None
    species: dict[str, LatticeSpeciesKeys] = Field(min_length=1, description="The defects of the file, by name")


class LatticeOutput(Keys):
    """What is written, and where."""

    path: Annotated[StrictStr, Field(min_length=1)] | None = Field(
        default=None, description="Result file, relative to the working directory"
    )
    profiles: StrictBool = Field(default=False, description="Write profiles by plane")


class LatticeConfiguration(StackNumbers):
    """Planes of lattice sites, a sweep over any of their numbers, and what to write."""

    title: StrictStr | None = Field(default=None, description="Title of figures and files")
    lattice: LatticeKeys
    sweep: SweepKeys | None = None
    solver: SolverKeys = Field(default_factory=SolverKeys, description="Planes are solved to 1e-13 V, whatever it says")
    output: LatticeOutput = Field(default_factory=LatticeOutput)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatticeConfig(CheckedConfig):
    """A configuration of lattice planes, checked as a whole; made by :func:`~spacecharge.load_config`.

    Parameters
    ----------
    source, title, text, sha256, sweep, output
        As :class:`~spacecharge.config.config.CheckedConfig` has them.
    lattice : Lattice
        The problem at its base point.
    """

    lattice: Lattice

    @property
    def stack(self) -> NoReturn:
        """Planes are no stack of layers.

        Raises
        ------
        ConfigError
            Always.
        """
        raise ConfigError([f"{self.source}: describes lattice planes (.lattice), no stack of layers"])

    @property
    def assumed(self) -> tuple[()]:
        """Values of the materials library in use that are assumed: planes use none."""
        return ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results has to know about the numbers that went in, a line each."""
        return (*notes_of(self.lattice), *self.sweep.notes)

    def __repr__(self) -> str:
        return f"<LatticeConfig {self.title!r}: {self.lattice.site_list.source}, {self.n_points} points>"


def load_lattice(document: Document) -> LatticeConfig:
    """Check a document with ``lattice:``; see :func:`~spacecharge.load_config`."""
    from .load import read_keys

    problems = document.problems()
    for key in ("layers", "contacts", "ends", "fit"):
        if key in document.data:
            problems.add(key, "stands beside lattice: give either a stack or planes", key=True)
    problems.raise_if_any()
    keys, data, sweep, digest = read_keys(LatticeConfiguration, document, problems)
    lattice = _problem(data, Path(document.path).parent, sweep, problems)
    if lattice is not None:
        _check_profiles(sweep, keys.output.profiles, problems)
    problems.raise_if_any()
    assert lattice is not None
    name = Path(document.path).stem
    sites = hashlib.sha256(repr(lattice.site_list.items).encode()).hexdigest()
    return LatticeConfig(
        source=Path(document.path),
        title=keys.title or name,
        text=document.text,
        sha256=hashlib.sha256((document.text + digest + sites).encode()).hexdigest(),
        lattice=lattice,
        sweep=sweep,
        output=OutputSettings(
            path=os.path.expanduser(keys.output.path or f"results/{name or 'results'}.h5"),
            profiles=keys.output.profiles,
            profile_nodes=None,
            resistance_of=(),
            sensitivities=(),
        ),
    )


def _problem(data: dict[str, Any], folder: Path, sweep: Sweep, problems: Problems) -> Lattice | None:
    """Return the problem of a configuration, or None after reporting what keeps it from being one."""
    keys = data["lattice"]
    for axis in sweep.axes:
        first, *rest = axis.path.split(".")
        if first == "temperature_K":
            data.setdefault(first, axis.grid.start)
        elif len(rest) == 1:
            # What the file leaves out takes the first value of its axis.
            keys.setdefault(rest[0], axis.grid.start)
    keys["sites"] = folder / os.path.expanduser(keys["sites"])
    if not keys["sites"].is_file():
        problems.add("lattice.sites", f"there is no file {keys['sites']}: give a file of sites, a line a site")
        return None
    if "temperature_K" in data:
        keys["temperature_K"] = data["temperature_K"]
    try:
        lattice = Lattice(**keys)
        build_planes(lattice)
    except ModelError as error:
        problems.add(error.path, error.message)
    except ConfigError as error:
        problems.add_lines(error.problems)
    else:
        return lattice
    return None


def _check_profiles(sweep: Sweep, profiles: bool, problems: Problems) -> None:
    """Refuse profiles over axes that change the planes themselves."""
    for axis in sweep.axes:
        if profiles and axis.path.startswith(("lattice.window_nm", "lattice.merge_nm")):
            message = "changes the planes from point to point: leave profiles out, or run one window at a time"
            problems.add(("sweep", axis.path), message, key=True)


__all__ = ["LatticeConfig", "LatticeConfiguration", "load_lattice"]
