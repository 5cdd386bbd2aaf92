"""Model and NMR side by side for the three interfaces of the paper."""

import json
from pathlib import Path

import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import ConfigError
from spacecharge.fitting.load import load_fit_config
from spacecharge.store.stored_fit import read_fits

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "joule2020_nmr.yaml"


def test_the_three_interfaces():
    config = load_fit_config(CONFIG)
    assert config.output == "results/joule2020_nmr.h5"
    comparison = sc.fit(config)
    assert np.all(comparison.status == 0)
    # Horvai: 197.6, 33.4, 62.7 Ohm cm2 (the paper prints 188, 33, 63).
    assert 1e4 * comparison.nmr_resistance == pytest.approx([197.6, 33.37, 62.66], abs=0.06)
    # Space-charge layer: the paper's 0.0061 and 0.0009, to which the interaction energies were fitted.
    assert 1e4 * comparison.model_resistance[[0, 2]] == pytest.approx([0.0061, 0.0009], rel=0.1, abs=0)
    # Four and a half orders, not the five of the text; none where there is no layer.
    assert np.log10(comparison.factor[[0, 2]]) == pytest.approx([4.5, 4.8], abs=0.1)
    assert np.isnan(comparison.factor[1])
    assert comparison.is_bound.tolist() == [True, False, False]


def test_command_file_table_and_figure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", str(CONFIG), "--json", "--quiet"]) == 0
    loaded = json.loads(capsys.readouterr().out)
    assert loaded["interfaces"]["LiV2O5 | LAGP"]["factor"] is None
    assert loaded["units"]["nmr_resistance"] == "ohm m2"
    (stored,) = read_fits("results/joule2020_nmr.h5")
    assert stored.tables[""]["interface"] == list(loaded["interfaces"])
    assert main(["show", "results/joule2020_nmr.h5"]) == 0
    assert ">= 197.6" in capsys.readouterr().out
    assert main(["plot", "results/joule2020_nmr.h5"]) == 0
    assert (tmp_path / "results" / "joule2020_nmr.png").stat().st_size > 10_000
    assert main(["fit", str(CONFIG)]) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_exchange_current_from_a_fit(tmp_path):
    from spacecharge.store.fits import write_fit

    result = sc.fit(ROOT / "configs" / "exsy_livo.yaml")
    write_fit(tmp_path / "exsy.h5", result)
    text = CONFIG.read_text().replace("joule2020_table.yaml", str(ROOT / "configs" / "joule2020_table.yaml"))
    reference = "{from_fit: exsy.h5, parameter: exchange_current_density}"
    (tmp_path / "c.yaml").write_text(text.replace("0.77", reference))
    comparison = sc.fit(tmp_path / "c.yaml")
    assert comparison.exchange_current_density[1] == result.derived["exchange_current_density"].value
    assert comparison.sigma[1] == result.derived["exchange_current_density"].sigma
    (tmp_path / "c.yaml").write_text(text.replace("0.77", reference.replace("exchange_current_density", "offset")))
    with pytest.raises(ConfigError, match="not A m-2"):
        sc.fit(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("model: joule2020_table.yaml", "modell: x.yaml", "unknown key"),
        ("limit: at_most", "limit: below", "not known"),
        ("    exchange_current_density_mA_per_cm2: 0.41", "    sigma_mA_per_cm2: 0.1", "is missing"),
        ("0.41", "-1", "out of range"),
        ("  Li2V2O5 | LAGP:\n    exchange_current_density_mA_per_cm2: 0.41\n", "", "2 interfaces, but .* has 3 points"),
    ],
)
def test_broken_configurations(tmp_path, old, new, message):
    text = CONFIG.read_text()
    assert old in text
    text = text.replace(old, new).replace("model: joule2020_table", f"model: {ROOT}/configs/joule2020_table")
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        sc.fit(tmp_path / "c.yaml")
