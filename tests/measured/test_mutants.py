"""Broken tables by the thousand: every one is read or refused in words, none ends in a traceback."""

import random
from pathlib import Path

import numpy as np
import pytest

from spacecharge.cli import main
from spacecharge.errors import DataError, FitError
from spacecharge.measured.bruker2d import read_bruker_2d
from spacecharge.measured.spectra import read_spectrum

from .exchange2d import intensities, spectrum, write

DATA = Path(__file__).parent / "data"
CONFIGS = Path(__file__).parents[2] / "configs" / "data"

EXSY = """
fit: exsy
data: {path: d.csv, columns: {temperature_K: T_K, mixing_time_s: t_mix_s, diagonal_A: I_AA, cross_AB: I_AB}}
model: {kind: diffusion, geometry: sphere, radius_nm: 55, boundary: sink}
parameters: {diffusivity_m2_per_s: {initial: 1.0e-16}, activation_energy_eV: {initial: 0.3}}
"""
RECOVERY = """
fit: recovery
data: {path: d.csv, columns: {delay_s: "t (s)", intensity: "I, a.u."}, temperature_K: 300}
model: {kind: exponential, sequence: saturation}
"""
OCV = """
fit: ocv
data: {path: d.csv, columns: {time_h: time_h, voltage_V: voltage_V, capacity_mAh_per_g: capacity_mAh_g}}
sample: {theoretical_capacity_mAh_per_g: 275, composition_start: 0.95, particle_radius_nm: 3000}
"""
OCV_MPT = """
fit: ocv
data: {path: d.csv}
sample: {area_cm2: 1.0, thickness_nm: 300, density_g_per_cm3: 5.05, theoretical_capacity_mAh_per_g: 274}
"""
POINTS = """
layers:
  electrode: {material: LixV2O5, potential_V: 3.4, thickness_nm: 30}
  electrolyte: {material: LAGP, thickness_nm: 30}
sweep: {points: d.csv}
"""
LAYER = """
layers:
  electrode:
    composition: 0.5
    ocv: {path: d.csv, columns: {composition: x, potential_V: U (V)}}
    permittivity: 12.0
    site_density_per_nm3: 30.0
    thickness_nm: 30
  electrolyte: {material: LAGP, thickness_nm: 30}
"""


def _rows(header, rows):
    return (header + "\n" + "\n".join(rows) + "\n").encode()


def _recovery():
    times = [0.1 * 1.6**k for k in range(14)]
    rows = [f"{t:.4f};{1 - 2.718**-t:.5f}".replace(".", ",") for t in times]
    return _rows('"t (s)";"I, a.u."', rows)


def _points():
    rows = [f"{2.4 + 0.1 * k:.1f}\t{290 + 5 * k}" for k in range(10)]
    return _rows("electrode.potential_V\ttemperature_K", rows)


SEEDS = {
    "exsy": (EXSY, "fit", lambda: (DATA / "exsy_plain.csv").read_bytes()),
    "recovery": (RECOVERY, "fit", _recovery),
    "gitt": (OCV, "fit", lambda: (DATA / "gitt.csv").read_bytes()),
    "mpt": (OCV_MPT, "fit", lambda: b"\n".join((CONFIGS / "gitt_film.mpt").read_bytes().split(b"\n")[:400]) + b"\n"),
    "points": (POINTS, "check", _points),
    "layer": (LAYER, "check", lambda: _rows("x,U (V)", [f"{0.05 + 0.1 * k:.2f},{4 - 0.3 * k:.2f}" for k in range(10)])),
}

_STRANGE = (
    b"nan", b"inf", b"-inf", b"1e400", b"-1", b"0", b"1e-320", b"1_000", b"--", b"#N/A", b'"', b'""', b"'", b";", b",",
    b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n\n", b"#", b"=1+1", b"0x1F", b"1,5", b"1.234,5", b"9" * 400,
    b"x" * 140_000,
    "\u0661".encode(), "\u2212" "3".encode(), b"1e5", b"+", b" ", b"\x1b[31m", b"{", b"%",
)  # fmt: skip


def mutant(raw: bytes, chance: random.Random) -> bytes:
    """Return the bytes of a table, broken in one to four places."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        lines = raw.split(b"\n")
        place, row = chance.randrange(len(raw) + 1), chance.randrange(len(lines))
        kind = chance.randrange(10)
        if kind == 0 and raw:
            place = min(place, len(raw) - 1)
            raw = raw[:place] + bytes([raw[place] ^ (1 << chance.randrange(8))]) + raw[place + 1 :]
        elif kind == 1:
            raw = raw[:place] + raw[place + chance.randrange(1, 40) :]
        elif kind == 2:
            raw = raw[:place]
        elif kind in (3, 4):
            raw = raw[:place] + chance.choice(_STRANGE) + raw[place:]
        elif kind == 5:
            raw = b"\n".join([*lines[:row], *lines[row + 1 :]])
        elif kind == 6:
            raw = b"\n".join([*lines[:row], *[lines[row]] * chance.randrange(2, 5), *lines[row + 1 :]])
        elif kind == 7:
            other = chance.randrange(len(lines))
            lines[row], lines[other] = lines[other], lines[row]
            raw = b"\n".join(lines)
        elif kind == 8:
            old, new = chance.choice(
                ((b",", b";"), (b".", b","), (b",", b"."), (b"\n", b"\r"), (b"\t", b" "), (b";", b"\t"))
            )
            raw = raw.replace(old, new)
        else:
            # A cell of a row becomes something else.
            cells = lines[row].split(b",")
            cells[chance.randrange(len(cells))] = chance.choice(_STRANGE)
            raw = b"\n".join([*lines[:row], b",".join(cells), *lines[row + 1 :]])
    return raw


def outcome(
    folder: Path, config: str, command: str, table: bytes, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Return exit code and what was said on stderr."""
    (folder / "c.yaml").write_text(config)
    (folder / "d.csv").write_bytes(table)
    code = main([command, str(folder / "c.yaml")])
    return code, capsys.readouterr().err


def holds(folder: Path, name: str, n: int, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    config, command, table = SEEDS[name]
    raw, chance = table(), random.Random(f"{name} {seed}")
    assert outcome(folder, config, command, raw, capsys)[0] == 0
    for number in range(n):
        broken = mutant(raw, chance)
        code, said = outcome(folder, config, command, broken, capsys)
        where = f"{name}, seed {seed}, number {number}"
        assert code in (0, 2), where
        if code == 2:
            lines = said.strip().splitlines()
            assert 1 <= len(lines) <= 12, where
            assert all(line.isprintable() and len(line) < 1000 for line in lines), where
            assert "Traceback" not in said, where


@pytest.mark.parametrize("name", SEEDS)
def test_some_mutants(name, tmp_path, capsys):
    holds(tmp_path, name, 8, capsys, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
def test_fourteen_hundred_mutants(name, tmp_path, capsys):
    holds(tmp_path, name, 234, capsys, seed=1)


def test_broken_impedance_spectra(tmp_path):
    chance = random.Random(3)
    rows = [f"{10.0**k:g},{12 + k / 3:g},{-5 + k / 7:g}" for k in range(8)]
    table = _rows("freq/Hz,Re(Z)/Ohm,-Im(Z)/Ohm", rows)
    read = 0
    for _ in range(150):
        (tmp_path / "z.csv").write_bytes(mutant(table, chance))
        try:
            read += read_spectrum(tmp_path / "z.csv").frequency.size > 0
        except DataError as error:
            assert str(error).isprintable()
            assert len(str(error)) < 800
    assert 20 < read < 130


def test_broken_parameters_of_bruker_spectra(tmp_path):
    """Every file of the experiment in turn; nothing hangs, and what is refused is one line."""
    chance = random.Random(4)
    data = spectrum(intensities(3.0, 0.1), np.random.default_rng(0), shape=(16, 16))
    folder = write(tmp_path / "1", data, mixing_time_s=0.1, temperature_K=300.0)
    files = [folder / "acqus", *(folder / "pdata" / "1" / name for name in ("procs", "proc2s", "2rr"))]
    whole = {path: path.read_bytes() for path in files}
    read = 0
    for number in range(120):
        path = files[number % 4]
        path.write_bytes(mutant(whole[path], chance))
        try:
            got = read_bruker_2d(folder)
            read += 1
            assert np.isfinite(got.intensity).all()
        except FitError as error:
            assert str(error).isprintable()
            assert len(str(error)) < 800
        path.write_bytes(whole[path])
    assert 20 < read < 110
