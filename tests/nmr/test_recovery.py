"""Recovery curves: values at zero and infinity, limits of the shapes."""

import numpy as np
import pytest

from spacecharge.errors import ModelError
from spacecharge.nmr.recovery import SHAPES, recovery_curve, relaxing_part


@pytest.mark.parametrize("shape", SHAPES)
def test_relaxing_part_goes_from_one_to_zero(shape):
    part = relaxing_part([0.0, 1e6], shape, time_constant=1.0, stretching=0.6, time_constant_2=0.1, fraction=0.3)
    assert part == pytest.approx([1.0, 0.0], abs=1e-15)


def test_shapes_reduce_to_one_exponential():
    t = np.geomspace(1e-3, 10, 20)
    plain = relaxing_part(t, "exponential", time_constant=0.7)
    assert plain == pytest.approx(np.exp(-t / 0.7), rel=1e-6, abs=0)
    assert relaxing_part(t, "stretched", time_constant=0.7, stretching=1.0) == pytest.approx(plain, rel=1e-6, abs=0)
    assert relaxing_part(t, "biexponential", time_constant=0.7, time_constant_2=9.0, fraction=1.0) == pytest.approx(
        plain, rel=1e-6, abs=0
    )
    assert relaxing_part(t, "quadrupolar", time_constant=0.7, time_constant_2=0.7) == pytest.approx(
        plain, rel=1e-6, abs=0
    )


def test_quadrupolar_weights():
    # 0.2 and 0.8, the longitudinal recovery of I = 3/2.
    part = relaxing_part([1.0], "quadrupolar", time_constant=1e9, time_constant_2=1e-9)
    assert part == pytest.approx([0.2], rel=1e-6, abs=0)


@pytest.mark.parametrize(("sequence", "start"), [("inversion", -2.0), ("saturation", 0.0), ("decay", 2.0)])
def test_sequences(sequence, start):
    got = recovery_curve([1.0, 0.0], sequence, amplitude=2.0, offset=0.0)
    assert got == pytest.approx([start, 0.0 if sequence == "decay" else 2.0], rel=1e-6, abs=0)


def test_efficiency_and_offset():
    assert recovery_curve([1.0], "inversion", amplitude=1.0, efficiency=0.9, offset=0.5) == pytest.approx(
        [-0.3], rel=1e-6, abs=0
    )


def test_unknown_names():
    with pytest.raises(ModelError, match="shape"):
        relaxing_part([1.0], "square", time_constant=1.0)
    with pytest.raises(ModelError, match="sequence"):
        recovery_curve([1.0], "echo", amplitude=1.0)
