"""Kernels of the site planes: Poisson's equation on planes of lattice sites, by Newton's method; they never raise.

Each row of the discrete equation is the charge balance of one plane, in elementary charges per cross-section:

    lower_i (phi_(i-1) - phi_i) + upper_i (phi_(i+1) - phi_i) + Q_i(phi_i) - share_i b = 0

with lower and upper the capacitances towards the neighbours, Q the charge of the plane and b the charge of a uniform
background (0 unless the closure asks for one). Q falls with phi for every law of occupation used here, so the
negative Jacobian is an M-matrix: off-diagonals not positive, row sums not negative. `factorise` works on those row
sums and subtracts nothing, so that even the one weak mode of a periodic cell, its offset, keeps all its digits.

With b and the odds of the species given, the potentials minimise a convex functional, and Newton with the line search
of `newton` cannot fail but by rounding or where no solution exists. What a closure or an adjusted mole fraction adds
are a few more unknowns, with slopes from the same factors: Newton on all of them at once (`joint`) or, where that does
not arrive, an outer Newton over them (`close`).
"""
