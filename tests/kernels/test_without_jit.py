"""The kernels as plain Python (NUMBA_DISABLE_JIT=1): the same answers, and the lane in which coverage is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import json, sys
from tests.oracles.cases import REFERENCE_ROWS, cheng_stack, swift_stack
from spacecharge.solver.equilibrium import SolverOptions, solve
import numba
answers = {}
stacks = {f"row {i}": cheng_stack(*row[0]) for i, row in enumerate(REFERENCE_ROWS)}
stacks["wall"] = swift_stack(0.1, 30.0, 0.01, 50.0)
for name, stack in stacks.items():
    for start in ("estimate", "flat"):
        s = solve(stack, tolerance_V=1e-3, options=SolverOptions(start=start))
        # Estimates and the balance are differences at the level of rounding.
        names = [k for k in sorted(s.scalars) if "estimate" not in k and "balance" not in k]
        fields = [*(s.scalars[k] for k in names), s.potential, s.occupancy]
        answers[f"{name}, {start}"] = [float(v) for field in fields for v in field.ravel()]
json.dump([bool(numba.config.DISABLE_JIT), answers], sys.stdout)
"""


def answers(*, jit: bool) -> dict[str, list[float]]:
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0" if jit else "1", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    disabled, values = json.loads(run.stdout)
    assert disabled is not jit
    return dict(values)


def test_without_jit_the_answers_are_the_same() -> None:
    compiled, interpreted = answers(jit=True), answers(jit=False)
    assert compiled.keys() == interpreted.keys()
    assert len(compiled) == 8
    for name, values in compiled.items():
        # Fused multiply-adds and reordered sums round differently; a wrong branch would show at once.
        # 1e-9: profiles near the neutral level and widths lose digits against their own size.
        assert interpreted[name] == pytest.approx(values, rel=1e-9, abs=1e-12, nan_ok=True), name
