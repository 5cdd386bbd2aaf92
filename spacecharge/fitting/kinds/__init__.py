"""The kinds of fits: one module each, and one line here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..kind import Kind

REGISTRY = {
    "exsy": "exsy",
    "relaxation": "relaxation",
    "recovery": "recovery",
    "ocv": "ocv",
    "interface": "interface",
    "comparison": "comparison",
    "chain": "chain",
}
"""Name of a kind, as in ``fit: NAME``, to the module that holds its ``KIND``."""


def kind_of(name: str) -> Kind:
    """Return a kind of fit; its module loads now.

    Parameters
    ----------
    name : str
        A name of :data:`REGISTRY`.

    Returns
    -------
    Kind
        What it declares.

    Raises
    ------
    KeyError
        No such kind.
    """
    kind: Kind = import_module(f".{REGISTRY[name]}", __name__).KIND
    return kind


__all__ = ["REGISTRY", "kind_of"]
