"""Planes of sites in contacts: what a user writes of one, its numbers, and where it belongs in a stack."""

# Annotations are read as they stand (see `declaration.rows_of`): not postponed here.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from ..errors import ModelError
from .declaration import BAND, Number, rows_of

if TYPE_CHECKING:
    from .layer import Contact, Layer


class PlaneNumbers:
    """Numbers of a plane of sites in a contact."""

    density_per_nm2: Annotated[
        float,
        Number(
            low=0.0,
            high=1e4,
            text="Sites per area of the plane",
            words="sites per area of the plane",
            required=True,
            array="plane_density",
            harmless=1.0,
            absent=0.0,
        ),
    ]
    segregation_energy_eV: Annotated[
        float,
        Number(
            low=-20.0,
            high=20.0,
            text="Energy in the plane minus that in the layer, negative attracts",
            words="segregation energy of the plane",
            default=0.0,
            array="plane_energy",
        ),
    ]


class BackgroundNumbers:
    """Numbers below ``background`` of a plane."""

    charge_e_per_nm2: Annotated[
        float,
        Number(
            low=-1e4,
            high=1e4,
            text="Fixed charge of the plane",
            words="fixed charge of the plane",
            array="plane_background",
            harmless=0.0,
            absent=0.0,
        ),
    ]


PLANE = (*rows_of(PlaneNumbers, "contact", "sites."), *rows_of(BackgroundNumbers, "contact", "sites.background."))
"""Rows of the table of numbers for planes of sites."""

KEYS = ("species", "of", "density_per_nm2", "segregation_energy_eV", "background")
NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Plane:
    """Where a plane of sites belongs.

    Attributes
    ----------
    contact : int
        Inner contact, from the left.
    side : int
        0: the layer left of the contact is the one that it is level with, 1: the right one.
    species : int
        Its species there.
    is_neutral : bool
        Whether the plane is neutral at that layer's bulk occupancy; else it has a background of its own.
    """

    contact: int
    side: int
    species: int
    is_neutral: bool


def plane_value(contact: "Contact", row: Number) -> float | None:
    """Return a number of the plane in a contact, its default where it is not given; None without a plane."""
    found: Any = contact.sites
    for part in row.key.split(".")[1:]:
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is None and contact.sites is not None:
        return row.default
    return None if found is None else float(found)


def check_sites(sites: object) -> None:
    """Check what a contact says of its plane of sites; raises ModelError naming the key."""
    if not isinstance(sites, Mapping):
        raise ModelError(f"a mapping is needed, got {sites!r}", "contact.sites")
    for key in sites:
        if key not in KEYS:
            raise ModelError(f"unknown key (known: {', '.join(KEYS)})", f"contact.sites.{key}")
    for row in PLANE[:2]:
        key = row.key.partition(".")[2]
        if sites.get(key) is not None:
            row.check(sites[key], f"contact.{row.key}")
        elif row.required:
            raise ModelError(f"needed (allowed: {row.allowed})", f"contact.{row.key}")
    background = sites.get("background", NEUTRAL)
    if background == NEUTRAL:
        return
    if not isinstance(background, Mapping) or set(background) != {"charge_e_per_nm2"}:
        raise ModelError(
            f"{background!r} is not known (allowed: neutral, {{charge_e_per_nm2}})", "contact.sites.background"
        )
    PLANE[2].check(background["charge_e_per_nm2"], "contact.sites.background.charge_e_per_nm2")


def planes_of(layers: Sequence["Layer"], contacts: Sequence["Contact"]) -> tuple[Plane, ...]:
    """Return the planes of a stack.

    Raises
    ------
    ModelError
        A plane belongs to no layer beside it, or that has no such species.
    """
    found = []
    for c, contact in enumerate(contacts):
        if contact.sites is None:
            continue
        path = f"contacts.{c}.sites"
        beside = [layers[c].name, layers[c + 1].name]
        of = contact.sites.get("of", beside[0])
        if of not in beside:
            raise ModelError(f"{of!r} is no layer of this contact (allowed: {', '.join(beside)})", f"{path}.of")
        side = beside.index(of)
        layer = layers[c + side]
        if layer.core_of is not None:
            raise ModelError(f"{of} is a core: name the layer on the other side, or its own grain", f"{path}.of")
        names = layer.species_names
        species = contact.sites.get("species", names[0] if len(names) == 1 else None)
        if species not in names:
            raise ModelError(f"{species!r} is no species of {of} (known: {', '.join(names)})", f"{path}.species")
        spec = dict(zip(names, (keys for _, keys in layer.species_items()), strict=True))[species]
        if spec.get("statistics") == BAND:
            raise ModelError(f"{species} of {of} are carriers of a band, which stand on no sites", f"{path}.species")
        is_neutral = contact.sites.get("background", NEUTRAL) == NEUTRAL
        found.append(Plane(c, side, names.index(species), is_neutral))
    return tuple(found)
