"""The face of the solver: options, packing, solves, solutions, observables, sensitivities."""
