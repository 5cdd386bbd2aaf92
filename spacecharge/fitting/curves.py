"""What the kinds of fits of measured curves share: the tag of their models, their tables, their summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..report.fits import fit_text

if TYPE_CHECKING:
    from ..config.fit_keys import FitConfig
    from ..store.stored_fit import StoredFit


def model_tag(value: Any) -> str | None:
    """Return the tag of a section ``model`` in a union of keys: its kind in angle brackets."""
    if isinstance(value, Mapping):
        return f"<{value.get('kind')}>"
    kind = getattr(value, "kind", None)
    return None if kind is None else f"<{kind}>"


def curve_text(stored: StoredFit) -> str:
    """Return the tables of a fit of measured curves."""
    return fit_text(stored.summary)


def curve_summary(config: FitConfig) -> Iterator[tuple[str, str]]:
    """Yield what a fit of measured curves would do; the data are read."""
    from .load import config_at, sweep_point
    from .run import build

    yield "fit", f"{config.kind} {config.name}"
    yield "title", config.title
    spectra = config.data.get("bruker_2d")
    shown = f"{len(spectra)} spectra, {spectra[0]} to {spectra[-1]}" if isinstance(spectra, list) else spectra
    yield "data", str(config.data.get("path") or config.data.get("bruker") or shown)
    yield "model", ", ".join(f"{key} {value}" for key, value in config.model.items())
    setup = build(config_at(config, sweep_point(config, 0)) if config.sweep else config)
    warm, cold = setup.temperatures[-1], setup.temperatures[0]
    between = f"{cold:g} K" if warm == cold else f"{setup.temperatures.size} temperatures, {cold:g} to {warm:g} K"
    yield "read", f"{setup.problem.data.size} data, {between}"
    for p in setup.problem.parameters:
        unit = "" if p.unit == "1" else f" {p.unit}"
        yield "parameter", f"{p.name}: " + (f"{p.initial:g}{unit}, fixed" if p.fixed else "fitted")
    for path, values in config.sweep.items():
        yield "axis", f"{path}: {len(values)} from {values[0]} to {values[-1]}"
    yield "output", config.output


__all__ = ["curve_summary", "curve_text", "model_tag"]
