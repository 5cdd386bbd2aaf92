"""The materials library: one YAML file per material, every value with its source or its assumed range.

``sc.materials["LAGP"]`` is a :class:`Material`; ``sc.materials["LAGP"].layer(thickness_nm=30)`` makes a
layer of it. Files are read when a material is first named, and kept.
"""

from __future__ import annotations

from .library import Library, Material, Value, material_keys

materials = Library()
"""The library of this package."""

__all__ = ["Library", "Material", "Value", "material_keys", "materials"]
