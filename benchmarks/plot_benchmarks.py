"""Draw what the benchmarks saved: one figure from all JSON files of a folder.

    python benchmarks/plot_benchmarks.py [results] [-o results/benchmarks.png]

Reads bench_newton.json, bench_ratios.json, bench_solve.json and bench_end_to_end.json, as the commands in the heads of
those benchmarks write them; what is missing leaves its panel out. `work_precision.py` and `bench_sweep.py` draw their
own figures.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spacecharge.plotting.style import PALETTE, letters, new_figure, styled


def draw_newton(panel: Any, rows: list[dict[str, float]]) -> None:
    """Time per node and iteration against the size of the mesh."""
    nodes = [row["nodes"] for row in rows]
    for k, (name, label) in enumerate((("ours", "spacecharge"), ("c", "plain C, gcc -O3"), ("numpy", "NumPy"))):
        panel.loglog(nodes, [row[name] for row in rows], "o-", color=PALETTE[k], markersize=3, label=label)
    panel.set(xlabel="Nodes", ylabel="ns per node and iteration", ylim=(3, None))
    panel.legend(loc="center right")


def draw_ratios(panel: Any, rows: list[dict[str, Any]]) -> None:
    """Time of solve_bvp over ours at a true error of at most 1e-6 V."""
    rows = [row for row in rows if row["target_V"] == 1e-6]
    place = np.arange(len(rows))
    for k, form in enumerate(("tuned", "differences", "plain")):
        label = {"tuned": "Jacobians", "differences": "reduced units", "plain": "volts and nm"}[form]
        values = [row["seconds"][form] / row["seconds"]["solve"] for row in rows]
        panel.bar(place + 0.27 * (k - 1), values, 0.25, color=PALETTE[k], label=label)
    panel.set_xticks(place, [f"{row['case']}\n{row['J_eV']:g} eV" for row in rows])
    panel.tick_params(axis="x", labelsize=6.5)
    panel.set(ylabel="Time of solve_bvp / sc.solve")
    panel.legend(title="solve_bvp with", title_fontsize=7.5)


def draw_solve(panel: Any, record: dict[str, Any]) -> None:
    """Time of one solve against its tolerance."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for entry in record["benchmarks"]:
        if entry["name"].startswith("test_solve["):
            curves.setdefault(entry["group"].removeprefix("solve "), []).append(
                (entry["extra_info"]["tolerance_V"], 1e6 * entry["stats"]["min"])
            )
    for k, (name, points) in enumerate(sorted(curves.items())):
        x, y = zip(*sorted(points), strict=True)
        panel.semilogx(x, y, "o-", color=PALETTE[k], markersize=3, label=f"{name} eV")
    panel.set(xlabel="Tolerance (V)", ylabel="Time of sc.solve (µs)", ylim=(0, 1.6 * panel.get_ylim()[1]))
    panel.legend(ncols=2, loc="upper right")


def draw_end_to_end(panel: Any, record: dict[str, Any]) -> None:
    """Time from the prompt to the closed file, and what is claimed."""
    entries = record["benchmarks"]
    place = np.arange(len(entries))
    panel.barh(place, [entry["stats"]["min"] for entry in entries], 0.6, color=PALETTE[0], label="best")
    claims = [entry["extra_info"]["claim_s"] for entry in entries]
    panel.plot(claims, place, "|", color=PALETTE[1], markersize=14, markeredgewidth=2, label="aim")
    panel.set_yticks(place, [entry["name"].removeprefix("test_").replace("_", " ") for entry in entries])
    panel.set(xscale="log", xlabel="Time of a process (s)")
    panel.legend()


DRAWERS: dict[str, Callable[[Any, Any], None]] = {
    "bench_newton.json": draw_newton,
    "bench_ratios.json": draw_ratios,
    "bench_solve.json": draw_solve,
    "bench_end_to_end.json": draw_end_to_end,
}


def main() -> None:
    """Draw every file that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="results", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    found = [(args.folder / name, draw) for name, draw in DRAWERS.items() if (args.folder / name).is_file()]
    if not found:
        parser.error(f"{args.folder}: none of {', '.join(DRAWERS)}")
    target = args.output or args.folder / "benchmarks.png"
    with styled():
        n_columns = min(2, len(found))
        figure, panels = new_figure(
            -(-len(found) // n_columns), n_columns, "Benchmarks of spacecharge, one machine, warm"
        )
        axes = list(panels.ravel())
        for panel, (path, draw) in zip(axes, found, strict=False):
            draw(panel, json.loads(path.read_text()))
        for panel in axes[len(found) :]:
            panel.remove()
        letters(axes[: len(found)])
        figure.savefig(target)
    print(target)


if __name__ == "__main__":
    main()
