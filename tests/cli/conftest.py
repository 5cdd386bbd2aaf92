"""Small configurations and result files for the commands."""

import pytest

from spacecharge import Layer, Stack, solve

STACK = """\
title: {title}
temperature_K: 298.15
layers:
  electrode:
    thickness_nm: 30
    potential_V: 3.2
    permittivity: 15
    site_density_per_nm3: 22.4
    occupancy: 0.3
    diffusivity_m2_per_s: 1.0e-15
  electrolyte:
    thickness_nm: 30
    potential_V: 3.0
    permittivity: 15
    site_density_per_nm3: 19.7
    occupancy: 0.3756
    diffusivity_m2_per_s: 1.0e-13
{rest}"""

SWEEP = """\
sweep:
  electrode.potential_V: {start: 2.8, stop: 3.2, num: 9}
  temperature_K: [280, 300, 320]
output: {path: results/r.h5, resistance_of: [electrolyte]}
"""


@pytest.fixture
def configuration(tmp_path, monkeypatch):
    """Return a function that writes a configuration into the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(rest=SWEEP, name="c.yaml", title="a small case", **replacements):
        text = STACK.format(title=title, rest=rest)
        for old, new in replacements.items():
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
        return name

    return write


@pytest.fixture(scope="session")
def compiled():
    """Compile the kernels: a run that waits for them reports its progress, as it should, and takes its time."""
    layers = [
        Layer(name=name, potential_V=0.0, thickness_nm=5, permittivity=15, site_density_per_nm3=20, occupancy=0.4)
        for name in ("a", "b")
    ]
    solve(Stack(layers, temperature_K=300))


@pytest.fixture
def call(compiled, capsys):
    """Return a function that runs the command line: exit code, stdout, stderr."""
    from spacecharge.cli import main

    def run(*arguments):
        code = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
