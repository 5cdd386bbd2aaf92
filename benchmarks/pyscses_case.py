"""One case of pyscses 1.0.0, timed; run by bench_pyscses.py in the interpreter that has pyscses.

Prints one line of JSON: seconds of the solve, iterations, positions and potentials. The settings are those of its own
notebook of this case (alpha 0.0005, mean square step 1e-8 V^2), unless others are given.
"""

import json
import sys
import tempfile
import time
import warnings

warnings.simplefilter("ignore", SyntaxWarning)


def main() -> None:
    case = json.loads(sys.argv[1])
    import numpy as np
    from pyscses.calculation import Calculation
    from pyscses.defect_species import DefectSpecies
    from pyscses.grid import Grid
    from pyscses.set_of_sites import Set_of_Sites
    from pyscses.set_up_calculation import calculate_grid_offsets

    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        # pyscses knows no comments.
        with open(case["sites"], encoding="utf-8") as source:
            file.writelines(line for line in source if not line.startswith("#"))
        file.flush()
        low, high = (1e-9 * x for x in case["window_nm"])
        limits, laplacian_limits = calculate_grid_offsets(file.name, low, high, "single")
        species = {
            "Vo": DefectSpecies("Vo", 2.0, 0.05, 1.0),
            "Gd": DefectSpecies("Gd", -1.0, 0.2, 0.0),
        }
        sites = Set_of_Sites.set_of_sites_from_input_data(
            file.name, [low, high], species, case["site_charges"], False, case["temperature_K"]
        )
    for site in sites.subset("Ce"):
        site.defect_with_label("Gd").fixed = True
    side = case["side_m"]
    grid = Grid.grid_from_set_of_sites(sites, limits, laplacian_limits, side, side)
    bulk = [1e-9 * x for x in case["bulk_nm"]]
    calculation = Calculation(grid, *bulk, case["alpha"], case["convergence"], 55, case["temperature_K"], "periodic")
    calculation.form_subgrids(["O", "Ce"])
    start = time.perf_counter()
    calculation.solve("mott-schottky")
    seconds = time.perf_counter() - start
    calculation.mole_fractions()
    calculation.calculate_resistivity_ratio("positive", 0.02)
    print(
        json.dumps(
            {
                "seconds": seconds,
                "iterations": calculation.niter,
                "x": np.asarray(grid.x).tolist(),
                "phi": np.asarray(calculation.phi).tolist(),
                "its_perpendicular_ratio": float(calculation.perpendicular_resistivity_ratio),
            }
        )
    )


if __name__ == "__main__":
    main()
