"""Work against precision: true error of the contact potential against time, ours beside solve_bvp.

    python benchmarks/work_precision.py                      # measure, write results/work_precision.{json,png}
    python benchmarks/work_precision.py --plot FILE.json     # only draw an earlier measurement

True errors are against the first integral, which shares no code with either. Times are minima, taken in turn.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_solve import kernel_call
from bvp_users import FORMS
from cases import INTERACTIONS_eV, best_of, exact_potential, stack_of, true_error

import spacecharge as sc
from spacecharge.plotting.style import PALETTE, letters, new_figure, styled
from spacecharge.store.provenance import host_cpu

CASE = "depleted"
FLOOR_V = 1e-14
"""Errors below rounding of the oracle are drawn here."""
LABELS = {
    "kernel": "compiled kernel",
    "solve": "sc.solve",
    "tuned": "solve_bvp, reduced units, Jacobians",
    "differences": "solve_bvp, reduced units",
    "plain": "solve_bvp, volts and nm",
}


def measure(interaction_eV: float) -> dict[str, list[dict[str, float]]]:
    """Return error and time of every method over its tolerances."""
    stack = stack_of(CASE, interaction_eV)
    exact = exact_potential(stack)
    curves: dict[str, list[dict[str, float]]] = {name: [] for name in LABELS}
    for tolerance in np.logspace(-2, -11, 19):
        solution = sc.solve(stack, tolerance_V=tolerance)
        error, nodes = true_error(solution, exact), solution.stats.n_nodes
        calls: dict[str, Callable[[], object]] = {
            "kernel": kernel_call(stack, tolerance),
            "solve": lambda t=tolerance: sc.solve(stack, tolerance_V=t),
        }
        for name, call in calls.items():
            seconds = best_of(call, repeats=15, number=20)
            curves[name].append({"tolerance": tolerance, "error_V": error, "nodes": nodes, "seconds": seconds})
    for name, form in FORMS.items():
        for tolerance in np.logspace(0, -8, 17):
            answer = form(stack, tolerance)
            if not answer.success:
                continue
            seconds = best_of(lambda f=form, t=tolerance: f(stack, t), repeats=3)
            curves[name].append(
                {
                    "tolerance": tolerance,
                    "error_V": answer.error(exact),
                    "nodes": answer.n_nodes,
                    "seconds": seconds,
                }
            )
    return curves


def draw(record: dict[str, Any], path: Path) -> None:
    """Draw the curves, one panel per interaction."""
    with styled():
        title = f"Error of the contact potential against time: LixV2O5 | LAGP at 3.4 V, one thread, {record['cpu']}"
        figure, panels = new_figure(1, len(record["curves"]), title)
        axes = np.atleast_1d(panels).ravel()
        for panel, (interaction, curves) in zip(axes, record["curves"].items(), strict=True):
            for k, (name, points) in enumerate(curves.items()):
                times = [1e3 * p["seconds"] for p in points]
                errors = [max(p["error_V"], FLOOR_V) for p in points]
                panel.loglog(times, errors, "o", color=PALETTE[k], markersize=3.0, alpha=0.45, markeredgewidth=0)
                # What has been reached by then: the least error among all runs that are not slower.
                order = np.argsort(times)
                reached = np.minimum.accumulate(np.array(errors)[order])
                panel.step(np.array(times)[order], reached, where="post", color=PALETTE[k], label=LABELS[name])
            panel.set(xlabel="Time of one solve (ms)", ylabel="True error (V)", xlim=(3e-3, 300), ylim=(3e-15, 1e-2))
            panel.text(0.97, 0.95, f"J = {interaction} eV", transform=panel.transAxes, ha="right", va="top")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        letters(list(axes))
        figure.savefig(path)


def main() -> None:
    """Measure or draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", default="results/work_precision.json")
    parser.add_argument("--plot", metavar="JSON", help="draw an earlier measurement")
    args = parser.parse_args()
    target = Path(args.plot or args.json)
    if args.plot:
        record = json.loads(target.read_text())
    else:
        record = {"case": CASE, "cpu": host_cpu(), "threads": 1}
        record["curves"] = {f"{j:g}": measure(j) for j in INTERACTIONS_eV}
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(record, indent=1))
    draw(record, target.with_suffix(".png"))
    print(f"{target}, {target.with_suffix('.png')}")


if __name__ == "__main__":
    main()
