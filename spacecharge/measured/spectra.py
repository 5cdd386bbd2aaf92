"""Impedance spectra: real and imaginary part, or modulus and phase, from CSV or the text of EC-Lab."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..constants import CM2
from ..errors import DataError
from .cycler import _format_of, _header_line
from .table import TextTable
from .text import cut, listed, read_text
from .titles import plain_title

ROLES = (
    "frequency_Hz",
    "real_ohm", "imaginary_ohm", "minus_imaginary_ohm", "modulus_ohm",
    "real_ohm_cm2", "imaginary_ohm_cm2", "minus_imaginary_ohm_cm2", "modulus_ohm_cm2",
    "phase_deg", "phase_rad",
    "sigma_ohm", "sigma_real_ohm", "sigma_imaginary_ohm",
    "sigma_ohm_cm2", "sigma_real_ohm_cm2", "sigma_imaginary_ohm_cm2",
)  # fmt: skip
"""Keys of columns; ``sigma_ohm`` is one sigma of either part."""

_ERRORS = ("sigma", "sigma_real", "sigma_imaginary")

_SHAPES = (("real", "imaginary"), ("real", "minus_imaginary"), ("modulus", "phase"), ("modulus", "minus_phase"))

_NAMES = {
    "frequency": r"f|freq|frequency",
    "real": r"re|real|re\(z\)|z'|zre|z_re|zreal|z_real|rez|re_z|z\.re|real\(z\)",
    "minus_imaginary": r"-\s?(?:im|imag|im\(z\)|z''|z\"|zim|z_im|zimag|z_imag|imz|im_z|imag\(z\))",
    "imaginary": r"im|imag|imaginary|im\(z\)|z''|z\"|zim|z_im|zimag|z_imag|imz|im_z|z\.im|imag\(z\)",
    "modulus": r"\|z\||z|zmod|modz|modulus|mod\(z\)|magnitude|abs|abs\(z\)|impedance",
    "phase": r"phase|phase\(z\)|phase of z|phi|theta|phz|zphz|arg\(z\)|phase angle",
    "minus_phase": r"-\s?(?:phase|phase\(z\)|phi|theta|phz|zphz|arg\(z\)|phase angle)",
}
_UNIT = re.compile(r"\A(.*?)\s*(?:[/_ ]\s*([^/()\[\]]+)|[(\[]\s*([^()\[\]]*)\s*[)\]])\Z")
_UNITS = {
    "hz": (1.0, "Hz"), "khz": (1e3, "Hz"), "mhz": (1e6, "Hz"),
    "ohm": (1.0, "ohm"), "ω": (1.0, "ohm"), "kohm": (1e3, "ohm"), "kω": (1e3, "ohm"),
    "a": (1.0, "ohm"), "b": (1.0, "ohm"), "ohms": (1.0, "ohm"),
    "ohm cm2": (CM2, "ohm m2"), "ω cm2": (CM2, "ohm m2"),
    "deg": (np.pi / 180.0, "rad"), "°": (np.pi / 180.0, "rad"), "degree": (np.pi / 180.0, "rad"),
    "degrees": (np.pi / 180.0, "rad"), "rad": (1.0, "rad"),
}  # fmt: skip
"""By their names in lower case; ZView writes (a) and (b) behind the parts of an impedance in ohm."""

_CASED = {"mHz": (1e-3, "Hz"), "MHz": (1e6, "Hz"), "mOhm": (1e-3, "ohm"), "MOhm": (1e6, "ohm")}


_DEGREE = np.pi / 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """A measured impedance spectrum.

    Parameters
    ----------
    path : str
        As messages name it.
    frequency : ndarray, shape (n,)
        [Hz], above zero, in the order of the file.
    impedance : ndarray of complex, shape (n,)
        In `unit`; a capacitor has a negative imaginary part.
    unit : {'ohm', 'ohm m2'}
        Of a cell, or of an area.
    lines : ndarray of int, shape (n,)
        Line of each row.
    notes : tuple of str
        What was left out, how the file was read.
    sigma : ndarray, shape (n, 2), or None
        One sigma of the real and of the imaginary part, where columns give it.
    """

    path: str
    frequency: NDArray[np.float64]
    impedance: NDArray[np.complex128]
    unit: str
    lines: NDArray[np.int64]
    notes: tuple[str, ...]
    sigma: NDArray[np.float64] | None = None


def read_spectrum(
    path: str | os.PathLike[str], *, columns: Mapping[str, str] | None = None, decimal: str | None = None
) -> Spectrum:
    """Read an impedance spectrum.

    Parameters
    ----------
    path : str or path
        CSV of any delimiter, or .mpt.
    columns : mapping of str to str, optional
        Key of `ROLES` to title; default: found by the titles (frequency, Re, -Im; frequency, Re, Im; frequency, |Z|,
        phase), with the unit in the title, or ohm, Hz and degrees.
    decimal : {'.', ','}, optional
        Default: found.

    Returns
    -------
    Spectrum
        In SI.

    Raises
    ------
    DataError
        With file and line.
    """
    text = read_text(path)
    wanted = tuple((columns or {}).values())
    header = _header_line(text) if _format_of(text) == "biologic" else None
    table = TextTable(text, wanted, header_line=header)
    found, assumed = (_given(text.path, columns), False) if columns else _found(table)
    read = table.numbers([title for title, _, _ in found.values()], decimal=decimal)
    si = {q: read.values[:, k] * factor for k, (q, (_, factor, _)) in enumerate(found.items())}
    units = {unit for q, (_, _, unit) in found.items() if q not in ("frequency", "phase", "minus_phase")}
    if len(units) > 1:
        raise DataError(text.path, [(table.header_line, "one part of the impedance is in ohm, the other in ohm cm2")])
    lines, notes = read.lines, list(read.notes)
    if header is not None:
        # EC-Lab writes the rows of steps without alternating current with frequency zero.
        stays = si["frequency"] != 0.0
        if not stays.all():
            notes.append(f"{text.path}: left out: {int(np.sum(~stays))} rows of frequency zero")
            si, lines = {q: values[stays] for q, values in si.items()}, lines[stays]
    if not lines.size:
        raise DataError(text.path, [(0, "has no rows of a frequency above zero")])
    bad = np.flatnonzero(si["frequency"] <= 0.0)
    if bad.size:
        message = f"the frequency is {si['frequency'][bad[0]]:g} Hz (allowed: above 0)"
        raise DataError(text.path, [(int(lines[bad[0]]), message)])
    if "modulus" in si:
        phase = si["phase"] if "phase" in si else -si["minus_phase"]
        if assumed and np.max(np.abs(phase)) <= 0.5 * np.pi * _DEGREE:
            message = (
                "the phase has no unit and stays below 1.58: degrees or radians? Name it under columns (phase_rad)"
            )
            raise DataError(text.path, [(table.header_line, message)])
        negative = np.flatnonzero(si["modulus"] < 0.0)
        if negative.size:
            message = f"the modulus is {si['modulus'][negative[0]]:g} (allowed: above 0)"
            raise DataError(text.path, [(int(lines[negative[0]]), message)])
        z = si["modulus"] * np.exp(1j * phase)
        what = "phase"
    else:
        z = si["real"] + 1j * (si["imaginary"] if "imaginary" in si else -si["minus_imaginary"])
        what = "imaginary part"
    nothing = np.flatnonzero(z == 0.0)
    if nothing.size:
        raise DataError(text.path, [(int(lines[nothing[0]]), "the impedance is 0 (allowed: any other)")])
    repeated = z.size - np.unique(si["frequency"]).size
    if repeated:
        notes.append(f"{text.path}: {repeated} rows repeat a frequency: each counts as measured by itself")
    if np.mean(z.imag > 0.0) > 0.5:
        notes.append(
            f"{text.path}: the {what} is positive at most frequencies, as of an inductor: if the file writes it with "
            "the opposite sign, name its columns (minus_imaginary_ohm)"
        )
    return Spectrum(
        path=text.path,
        frequency=si["frequency"],
        impedance=np.asarray(z, dtype=np.complex128),
        unit=units.pop(),
        lines=lines,
        notes=tuple(notes),
        sigma=_errors(text.path, si, lines),
    )


def _errors(path: str, si: Mapping[str, NDArray[np.float64]], lines: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the errors of both parts; None where no column has them."""
    if not any(q in si for q in _ERRORS):
        return None
    parts = [si.get(f"sigma_{part}", si.get("sigma")) for part in ("real", "imaginary")]
    known = [part for part in parts if part is not None]
    if len(known) < 2:
        message = "the error of one part is missing: give sigma_ohm, or sigma_real_ohm and sigma_imaginary_ohm"
        raise DataError(path, [(0, message)])
    sigma = np.column_stack(known)
    bad = np.flatnonzero(~np.all(sigma > 0.0, axis=1))
    if bad.size:
        message = f"an error of the impedance is {sigma[bad[0]].min():g} (allowed: above 0)"
        raise DataError(path, [(int(lines[bad[0]]), message)])
    return sigma


def _given(path: str, columns: Mapping[str, str]) -> dict[str, tuple[str, float, str]]:
    """Return quantity to title, factor, unit, of columns that the user names."""
    found = {}
    for key, title in columns.items():
        if key not in ROLES:
            raise DataError(path, [(0, f"{cut(key)} is no column of a spectrum (allowed: {', '.join(ROLES)})")])
        if key == "frequency_Hz":
            found["frequency"] = title, 1.0, "Hz"
        elif key.startswith("phase_"):
            found["phase"] = title, *_UNITS[key.removeprefix("phase_")]
        elif key.endswith("_ohm_cm2"):
            found[key.removesuffix("_ohm_cm2")] = title, CM2, "ohm m2"
        else:
            found[key.removesuffix("_ohm")] = title, 1.0, "ohm"
    shape = tuple(q for q in found if q not in ("frequency", *_ERRORS))
    if "frequency" not in found or not any(set(shape) == set(own) and len(shape) == 2 for own in _SHAPES):
        message = "frequency_Hz is needed, and real with imaginary or minus_imaginary, or modulus with phase"
        raise DataError(path, [(0, message)])
    return found


def _found(table: TextTable) -> tuple[dict[str, tuple[str, float, str]], bool]:
    """Return quantity to title, factor, unit, of columns known by their titles; and whether the phase has no unit."""
    found: dict[str, tuple[str, float, str]] = {}
    assumed = False
    below = table.unit_row()
    for title in table.titles:
        for quantity, pattern in _NAMES.items():
            for name, in_title in _readings(title):
                if quantity not in found and re.fullmatch(pattern, name, re.IGNORECASE):
                    default, kind = {"frequency": ("Hz", "Hz")}.get(quantity, ("ohm", "ohm"))
                    if quantity.endswith("phase"):
                        default, kind = "deg", "rad"
                    unit = in_title or _plain_unit(below.get(title, ""))
                    known = _CASED.get(unit) or _UNITS.get((unit or default).casefold())
                    if known is not None and known[1].startswith(kind):
                        found[quantity] = title, *known
                        assumed |= not unit and kind == "rad"
    for shape in _SHAPES:
        if "frequency" in found and all(quantity in found for quantity in shape):
            return {quantity: found[quantity] for quantity in ("frequency", *shape)}, assumed
    message = (
        "no frequency with Re and -Im, Re and Im, or |Z| and phase among the titles: name them under columns "
        f"(columns: {listed(table.titles)})"
    )
    raise DataError(table.text.path, [(table.header_line, message)])


def _readings(title: str) -> list[tuple[str, str]]:
    """Return the ways to part a title into name and unit."""
    plain = plain_title(title).replace("\u2032\u2032", "''").replace("\u2032", "'").replace("\u2033", "''")
    match = _UNIT.match(plain)
    ways = [(plain, "")]
    if match is not None:
        ways.append((match[1].strip(), _plain_unit(match[2] or match[3] or "")))
    return ways


def _plain_unit(text: str) -> str:
    """Return a unit as the table has it: one blank between its parts, no brackets, no sign of a power."""
    unit = plain_title(text).strip("()[] ")
    unit = re.sub(r"[\u00b7\u22c5*._\s]+(?=cm)", " ", unit).replace("cm^2", "cm2").replace("cm\u00b2", "cm2")
    return unit.replace("\u03a9", "Ohm") if unit[-1:] == "\u03a9" else unit


__all__ = ["ROLES", "Spectrum", "read_spectrum"]
