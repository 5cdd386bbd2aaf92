"""A sound configuration, and what breaks it in its sweep, its output, or its YAML."""

SOUND = """\
title: test
temperature_K: 298.15
layers:
  electrode:
    material: LixV2O5
    potential_V: 2.4
    thickness_nm: 30
  electrolyte:
    thickness_nm: 30
    potential_V: 3.0
    permittivity: 15
    site_density_per_nm3: 19.7
    occupancy: 0.4
    diffusivity_m2_per_s: 1.0e-13
sweep:
  electrode.potential_V: {start: 2.4, stop: 3.4, num: 5}
  temperature_K: [258.15, 298.15]
solver: {tolerance_V: 1.0e-6}
output: {path: out.h5, resistance_of: [electrolyte]}
"""


def changed(old: str, new: str) -> str:
    assert SOUND.count(old) == 1, old
    return SOUND.replace(old, new)


# name: (text, position, dotted path, what the message must hold)
OF_THE_RUN: dict[str, tuple[str, str, str, str]] = {
    "sweep over an unknown path": (
        changed("electrode.potential_V:", "electrode.potental_V:"),
        "16:3",
        "sweep.electrode.potental_V",
        "(nearest: electrode.potential_V)",
    ),
    "sweep over an unknown layer": (
        changed("electrode.potential_V:", "cathode.potential_V:"),
        "16:3",
        "sweep.cathode.potential_V",
        "names no number that a sweep can vary",
    ),
    "sweep with the wrong unit": (
        changed("electrode.potential_V:", "electrode.potential_mV:"),
        "16:3",
        "sweep.electrode.potential_mV",
        "(nearest: electrode.potential_V)",
    ),
    "sweep over a text": (
        changed("  electrode.potential_V: {start: 2.4, stop: 3.4, num: 5}", "  electrode.transport: [vacancy]"),
        "16:3",
        "sweep.electrode.transport",
        "names no number",
    ),
    "sweep over a material whose table does not hold the potential": (
        changed("  electrode.potential_V: {start: 2.4, stop: 3.4, num: 5}", "  electrode.material: [LCO]"),
        "16:24",
        "sweep.electrode.material.0",
        "outside the ocv",
    ),
    "sweep twice over one number": (
        changed("  temperature_K:", "  layers.electrode.potential_V: [2.5]\n  temperature_K:"),
        "17:3",
        "sweep.layers.electrode.potential_V",
        "is swept twice",
    ),
    "sweep over both sides of a table": (
        changed("  temperature_K: [258.15, 298.15]", "  electrode.composition: [1, 2]"),
        "17:3",
        "sweep.electrode.composition",
        "is swept beside electrode.potential_V",
    ),
    "axis without a stop": (
        changed("{start: 2.4, stop: 3.4, num: 5}", "{start: 2.4, num: 5}"),
        "16:3",
        "sweep.electrode.potential_V.stop",
        "is missing",
    ),
    "axis of half a value": (
        changed("num: 5", "num: 2.5"),
        "16:55",
        "sweep.electrode.potential_V.num",
        "whole number",
    ),
    "axis of no values": (
        changed("[258.15, 298.15]", "[]"),
        "17:18",
        "sweep.temperature_K",
        "is empty",
    ),
    "axis that is a number": (
        changed("[258.15, 298.15]", "298.15"),
        "17:18",
        "sweep.temperature_K",
        "a list is needed, got 298.15",
    ),
    "axis with a text": (
        changed("[258.15, 298.15]", "[258.15, warm]"),
        "17:27",
        "sweep.temperature_K.1",
        "a number is needed, got 'warm'",
    ),
    "axis with an unknown key": (
        changed("num: 5}", "num: 5, n: 5}"),
        "16:58",
        "sweep.electrode.potential_V.n",
        "unknown key (known: start, stop, num, spacing)",
    ),
    "axis out of range": (
        changed("[258.15, 298.15]", "[258.15, -15]"),
        "17:27",
        "sweep.temperature_K.1",
        "-15 is out of range (allowed: 1 to 5000)",
    ),
    "axis through zero in logarithms": (
        changed("{start: 2.4, stop: 3.4, num: 5}", "{start: 0, stop: 3.4, num: 5, spacing: log}"),
        "16:3",
        "sweep.electrode.potential_V",
        "one sign",
    ),
    "axis stepping away": (
        changed("{start: 2.4, stop: 3.4, num: 5}", "{start: 2.4, stop: 3.4, step: -0.1}"),
        "16:56",
        "sweep.electrode.potential_V.step",
        "must lead from start to stop",
    ),
    "around a number that is no fit": (
        changed("temperature_K: [258.15, 298.15]", "electrolyte.permittivity: {within_sigma: 2, num: 5}"),
        "17:44",
        "sweep.electrolyte.permittivity.within_sigma",
        "needs a number that a fit gives (from_fit)",
    ),
    "around a number beside the fitted one": (
        changed("m2_per_s: 1.0e-13", "m2_per_s: {from_fit: f.h5, parameter: D}").replace(
            "temperature_K: [258.15, 298.15]", "electrolyte.diffusivity_m2_per_s.at_K: {within_sigma: 2, num: 5}"
        ),
        "17:57",
        "sweep.electrolyte.diffusivity_m2_per_s.at_K.within_sigma",
        "(from_fit) (nearest: electrolyte.diffusivity_m2_per_s)",
    ),
    "further than a fit reaches": (
        changed("[258.15, 298.15]", "{within_sigma: 20, num: 5}"),
        "17:33",
        "sweep.temperature_K.within_sigma",
        "20 is out of range (allowed: at most 10)",
    ),
    "around a fit without a number of values": (
        changed("[258.15, 298.15]", "{within_sigma: 2}"),
        "17:3",
        "sweep.temperature_K.num",
        "is missing",
    ),
    "a fitted number and the value of its law": (
        changed("m2_per_s: 1.0e-13", "m2_per_s: {from_fit: f.h5, parameter: D}").replace(
            "temperature_K: [258.15, 298.15]",
            "electrolyte.diffusivity_m2_per_s: {within_sigma: 2, num: 5}\n"
            "  electrolyte.diffusivity_m2_per_s.value: [1e-13]",
        ),
        "17:3",
        "sweep.electrolyte.diffusivity_m2_per_s",
        "is swept beside a part of its own law",
    ),
    "zip of unequal lengths": (
        changed("sweep:", "sweep:\n  mode: zip"),
        "16:9",
        "sweep.mode",
        "one length, got electrode.potential_V: 5, temperature_K: 2",
    ),
    "unknown mode": (
        changed("sweep:", "sweep:\n  mode: inner"),
        "16:9",
        "sweep.mode",
        "'inner' is not known (allowed: outer, zip",
    ),
    "more points than numbers": (
        changed("num: 5", "num: 1e8").replace("[258.15, 298.15]", "{start: 1, stop: 9, num: 1e8}"),
        "15:1",
        "sweep",
        "points are too many",
    ),
    "more values than memory": (
        changed("num: 5", "num: 1e12"),
        "16:55",
        "sweep.electrode.potential_V.num",
        "1e+12 is out of range (allowed: 1 to 1e+08)",
    ),
    "more steps than memory": (
        changed("num: 5", "step: 1e-12"),
        "16:56",
        "sweep.electrode.potential_V.step",
        "1e-12: makes 1e+12 values, too many (allowed: 1e+08)",
    ),
    "tolerance of zero": (
        changed("tolerance_V: 1.0e-6", "tolerance_V: 0"),
        "18:23",
        "solver.tolerance_V",
        "0 is out of range (allowed: 1e-11 to 0.01)",
    ),
    "resistance of an unknown layer": (
        changed("resistance_of: [electrolyte]", "resistance_of: [electrolite]"),
        "19:40",
        "output.resistance_of.0",
        "no layer is called 'electrolite' (nearest: electrolyte)",
    ),
    "resistance without a diffusivity": (
        changed("    diffusivity_m2_per_s: 1.0e-13\n", ""),
        "18:40",
        "output.resistance_of.0",
        "has no diffusivity",
    ),
    "profiles in words": (
        changed("resistance_of: [electrolyte]", "profiles: yes"),
        "19:34",
        "output.profiles",
        "true or false is needed, got 'yes'",
    ),
    "sensitivity to nothing": (
        changed("resistance_of: [electrolyte]", "sensitivities: [electrode.permitivity]"),
        "19:40",
        "output.sensitivities.0",
        "nearest: electrode.permittivity",
    ),
    "title that is a number": (changed("title: test", "title: 2020"), "1:8", "title", "a text is needed"),
    "table of points beside axes": (
        changed("sweep:", "sweep:\n  points: missing.csv").replace("  temperature_K: [258.15, 298.15]\n", ""),
        "17:3",
        "sweep.electrode.potential_V",
        "stands beside points",
    ),
}

OF_YAML: dict[str, tuple[str, str, str, str]] = {
    "tag": (
        changed("title: test", "title: !!python/object/apply:os.system [touch HACKED]"),
        "1:8",
        "title",
        "tags are not read, got tag:yaml.org,2002:python/object/apply:os.system",
    ),
    "merge key of a number": (
        changed("  electrolyte:\n", "  electrolyte:\n    <<: 3\n"),
        "9:9",
        "layers.electrolyte",
        "a merge key (<<) needs mappings",
    ),
    "alias within itself": (
        "layers: &all\n  electrode: *all\n",
        "2:14",
        "layers.electrode",
        "its own anchor",
    ),
    "alias of nothing": ("layers: *none\n", "1:9", "layers", "has no anchor"),
    "alias bomb": (
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "5:20",
        "e.3",
        "more values than a configuration may hold",
    ),
    "depth bomb": ("a: " + "[" * 100_000, "1:43", "", "nested too deeply (allowed: 40 levels)"),
    "bracket left open": ("layers: {electrode: {thickness_nm: 3\n", "2:1", "", "is no YAML"),
    "tab": ("layers:\n\telectrode:\n", "2:1", "", "is no YAML"),
    "wrong indentation": ("layers:\n  a: 1\n b: 2\n", "3:2", "", "is no YAML"),
    "colon in a text": ("title: a: b\n", "1:9", "", "is no YAML"),
    "two documents": ("title: a\n---\ntitle: b\n", "2:1", "", "a second document"),
    "number as a key": ("1: 2\n", "1:1", "", "a key must be a text"),
    "list as a key": ("? [a]\n: 2\n", "1:3", "", "a key must be a text"),
    "a list on top": ("- 1\n- 2\n", "1:1", "", "a mapping of keys is needed"),
    "a word on top": ("hello\n", "1:1", "", "a mapping of keys is needed"),
    "empty file": ("", "", "", "is empty"),
    "comments alone": ("# nothing\n", "", "", "is empty"),
    "control character": ("title: \x07\n", "1:8", "", "is no YAML"),
}
