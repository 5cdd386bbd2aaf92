"""The materials library: one YAML file per material, every value with its source or its assumed range.

``sc.materials["LAGP"]`` is a :class:`Material`; ``sc.materials["LAGP"].layer(thickness_nm=30)`` makes a
layer of it. Files are read when a material is first named, and kept.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType

from .library import Library, Material, Value, material_keys

materials = Library()
"""The library of this package."""


class _LibraryModule(ModuleType, Mapping[str, Material]):
    """The module as the library itself.

    Python binds a subpackage to its name in the parent as soon as anything imports it, so
    ``sc.materials`` may be this module or the object :data:`materials`: both must answer alike.
    """

    # A mapping cannot be hashed, a module must be: tools keep modules in sets.
    __hash__ = ModuleType.__hash__
    __eq__ = ModuleType.__eq__

    def __getitem__(self, name: str) -> Material:
        return materials[name]

    def __iter__(self) -> Iterator[str]:
        return iter(materials)

    def __len__(self) -> int:
        return len(materials)

    def __contains__(self, name: object) -> bool:
        return name in materials

    def __repr__(self) -> str:
        return repr(materials)


sys.modules[__name__].__class__ = _LibraryModule

__all__ = ["Library", "Material", "Value", "material_keys", "materials"]
