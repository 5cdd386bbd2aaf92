"""Metal electrodes that an end of a stack may name, with their potential against Li/Li+."""

from __future__ import annotations

METALS: dict[str, float] = {"Li": 0.0}
"""Potential against Li/Li+ [V]; that of lithium is 0 by the definition of the scale."""

__all__ = ["METALS"]
