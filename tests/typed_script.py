"""What a type checker must see of the public names; `mypy --strict` and pyright pass, and a wrong name is an error.

The lines marked as ignored are errors on purpose: `warn_unused_ignores` fails where one of them is none.
"""

from typing import Any, assert_type

import spacecharge as sc
from spacecharge.library import Library

layer = sc.Layer(name="electrolyte", material="LAGP", thickness_nm=30)
stack = sc.Stack([layer], temperature_K=298.15)
solution = sc.solve(stack, tolerance_V=1e-6)
assert_type(layer, sc.Layer)
assert_type(stack, sc.Stack)
assert_type(solution, sc.Solution)
assert_type(sc.materials, Library)
assert_type(sc.charge(solution).shape, tuple[Any, ...])
missing = sc.nonexisting  # type: ignore[attr-defined]  # pyright: ignore
sc.Layer(thicknes_nm=30)  # type: ignore[call-arg]  # pyright: ignore
