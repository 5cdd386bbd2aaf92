"""The method: how a stack of layers is solved, and where each part of it stands.

Numba kernels: arrays and numbers in, arrays and an integer status out; they never raise. This page needs no numba, nor
does `rows`, the layout that the faces share with the kernels.

Equation and units
------------------
In a layer l, with v the potential against the layer's own neutral bulk, y = e v/kT, alpha the relative permittivity,

    - alpha y'' = q_l(y),    q_l = sum_s z_s N_s e / (eps0 kT/e) [theta_s(y) - theta_b,s]       [1/m2]

Charge is counted in units of eps0 kT/e, areal charge in the same times a metre. A species is level with its bulk:
with Delta = u - u_b, u = ln[theta/(1 - theta)] (dilute: ln theta),

    g(Delta) = Delta + (4/3) [j_occ (theta^(1/3) - theta_b^(1/3)) - j_vac (n^(1/3) - n_b^(1/3))] = - z y        (1)

n = 1 - theta, j = J/kT (`statistics`). Everything is written on expm1(-|Delta|): theta - theta_b does not cancel near
the bulk, nothing overflows far from it. At a contact y jumps by the given step and alpha y' by the given charge; the
potential of each layer counts from its own bulk, since one global potential would lose the balance of charge in thick
layers (6.6e-11 against 1.3e-13 of it, tried).

A convex function
-----------------
The discrete y is where

    F(y) = sum over elements [ (alpha/2h) y.K y + h sum_i W_i G_l(y_i) ] - sum over faces sigma y,    G_l' = -q_l

is least. q_l falls with y wherever mu rises with theta, so F is convex for every mesh and has one minimum. Where
attraction lets mu fall, Delta stops at the end of the rising branch (`species.spinodal_bounds`, `dilute_bounds`):
charge stays constant beyond, F stays convex, and a solution that touches an end is reported as a miscibility gap.

Element and static condensation (`element`, `newton.assemble`: here Poisson's equation is discretised)
------------------------------------------------------------------------------------------------------
Five Gauss-Lobatto nodes, stiffness K exact, charge lumped on the nodes with weights W. Lumping makes F convex and the
sum of all equations Gauss's law to rounding. The mid nodes are eliminated element by element (an L D L^T of 3 x 3,
safe where a dilute species piles up); the ends of elements solve one symmetric positive definite tridiagonal system,
from both sides at once (`tridiagonal`). Formally the nodes that elements share are of order 8 (the exponent by which
the mesh follows the tolerance); what halving gains on the meshes that are used is less. Slopes of the true error on
halved meshes, medians of 150 random pairs of layers: 7.0 for the contact potential, 6.8 for the charge, 5.7 for the
resistance of a region, 7.0 for the excess resistance. `tests/verification/test_order.py` holds them to 6.5, 6.3, 5.3
and 6.5, and single cases, whose meshes start irregular, to 3.9.

Newton with Delta carried along (`newton`, `statistics`)
--------------------------------------------------------
Fast mode (`fast_mode`): unknowns are y and, with interaction, Delta; both move along the linearised (1), so that the
scalar root costs no iteration of its own. The charge that is assembled is linearised to where (1) holds. It ends when
a step is below the target, which leaves SQUARE times its square; the charge is then the linearised one, and balances
to rounding. Safe mode (`newton`): (1) is solved exactly at every node, and a line search on dF along the step goes
down the convex F. A system that is singular to rounding gets a shift of its diagonal; a step longer than all jumps
together is cut; both keep a direction of descent. Where every layer is empty or full, the common shift of all
potentials comes from the total charge, split so that nothing cancels (`level`). Effort is counted; what exceeds it is
status 1.

Mesh from the first integral (`tables`, `grading`, `mesh`: here the density of the mesh comes from)
---------------------------------------------------------------------------------------------------
In a thick layer (y')^2 = 2 int -q/alpha dy. `tables.march` tabulates |y'| against |y| from the bulk outwards, in steps
of Delta (`tables.grid_step`: a fixed ratio in the linear range, a fixed step where charge piles up);
`tables.guess_contact` finds where the displacements of two layers meet, `grading.grade_side` turns steps of y into
lengths dy/|y'|, with a tail whose elements grow e-fold in `GROWTH` Debye lengths, and `mesh.lay_elements` takes
elements from both contacts until they meet. While the solved contacts are far from the guess, the mesh is made anew. It
depends on the point alone, never on neighbours in a sweep.

Error estimate (`poisson_boltzmann._estimate`)
----------------------------------------------
Solved on n elements and on 2 n, each cut in half. With d the largest change of a contact's y, D Newton's last step,

    potential   =  safety d kT/e + SQUARE D^2 kT/e + ROUNDING (|v| + 0.2 V) + LUCK tolerance
    resistance  =  2 safety r + (tail/fraction)^2 + SQUARE D^2/fraction + LUCK_RESISTANCE aim + LEAST_RESISTANCE_ERROR

with r the largest change of a region's resistance over max(R, debye/sigma_b), tail the |y| that counts as bulk,
fraction the threshold of the width, aim what is asked of resistances (`SolverOptions`; safety is 1). Halving goes on
until the potential meets the tolerance and the resistance its aim. Asymptotically d exceeds the error of the finer mesh
2^7 times; the estimate does not divide by that, for the first halvings may gain as little as a factor of four. LUCK
covers two meshes that agree by chance. It can be trusted since it is held against the first integral, which shares no
code with the kernels: on 60 random interfaces in every run of the tests, on 1,000 at four tolerances with `-m slow`
(`tests/solver/test_first_integral.py`), and against solves at 1e-10 V.

Direct currents (`steady_*`)
----------------------------
Occupancies follow y_c = (phi - phi_b - v_c)/(kT/e), v_c' = -j_c/sigma_c(y_c), and -(alpha (y' + v'/(kT/e)))' = q
(`solver.steady`). Newton starts from the solve at rest; a load that it does not reach in one go is followed in shorter
steps. Elements whose highest coefficient exceeds what the mesh had at rest are cut, then all are halved until twice
the change of the contacts is below the tolerance, and that of V and dV/dJ, relative, below as much of 1 V. Held
against collocation (`tests/impedance/test_steady.py`, `test_random.py`).

Small signals (`signal_*`)
--------------------------
On the elements of the state, whose values at the nodes are all that is read of it. A signal decays from the faces of a
layer on lengths that the state does not know: its Debye length, sqrt(D/w) of each component that diffuses, sigma/g of a
drift. At rest the bulk is the same throughout and is joined exactly (`signal_element.double_segment`), and the elements
at the faces are cut towards them (`signal_profile.face_cuts`). About a current nothing need be the same anywhere:
elements are bisected until none is longer than the local decay length or its distance from the nearer face
(`signal_state.bisect_element`). Frequencies that ask for the same cuts share a mesh.

Error estimate (`solver.small_signal.judged`): solved again on halved elements, about a current with pieces of half the
length besides; four times the sum over the layers of what their drops change by, and 5e-9 for what both meshes neglect.
Of several components the finer mesh is the answer. It is held against meshes for 1e-10 V on 300 random stacks at rest
and 300 with a current (`tests/impedance/test_random.py`), and against finite volumes that share no code
(`tests/impedance/test_spectra.py`, `test_about_current.py`).

Two kernels
-----------
`solve_rows` does the main job: one species a layer, on a lattice without attraction. What it cannot do it leaves with
status -1, and `solve_any_rows` does, compiled when the first such point comes: several species, dilute statistics,
attraction, safe mode, static capacitances of stacks in which several planes pull charge. Both are `_solve_all` with and
without an argument that is None: numba leaves out branches that ask for it.

Files
-----
rows                     where numbers stand in input, output and work rows; plain Python
layout, workspace        the same for kernels; the rows of the work array
_jit, _parts, _fold      the decorators; kernels as parts of a whole; their constants worked out beforehand
compiling, cache_folder  the line that says that compiling takes a while; where compiled kernels go
elementary, fermi        exponential and cube root; the Fermi-Dirac integral
laws, pool               the laws of the statistics; charge states that share their sites
statistics               theta, charge and its slope at nodes, equation (1)
species                  reduced numbers of a species; ends of branches; bulk response
element, tridiagonal     the element; the linear system
newton, level            both modes; the common shift of empty and full layers
tables, grading, mesh    first integral; lengths of elements; elements of the stack and their parameters
start                    first contact potentials, jumps, halving, touch of a gap
poisson_boltzmann        the solve of a point, error estimate, both kernels
ends, faces, planes      kinds of ends; contacts, displacement and field there; planes of sites (F stays convex)
observe, neutral         widths, resistances, capacitances; static capacitance by the stack cut at a contact
sample, tangent          profiles at positions of the caller's choice; derivatives
steady_nodes, _element   direct currents: laws at a node, jumps at contacts; one element
steady_newton, _mesh     the pass through the stack, what closes it, continuation; the mesh and its error
steady_profile           profiles and observables of that state
signal_element, _chain   small signals: one element; the pass through the stack, in matrices
signal_scalar, _drift    that pass on numbers, where one component conducts: at rest; about a current
signal_profile, _state   sigma, C and drift at the nodes: at rest; about a current
Elsewhere, each with its method at its head: `lattice/kernels/` planes of a lattice, `nmr/kernels.py` exchange curves.

Rows of the work array by phase (`workspace`)
---------------------------------------------
march           table rows (one table a face: |y|, |y'|, d|y'|/d|y|, Delta, d Delta/d|y|); GRID and TAIL_* are kept from
                point to point; STEP .. STEP + 3 as scratch
grade, lay      side rows (lengths and values seen from one contact); then SIZE, LAYER, FIRST, Y, DELTA; slopes and
                curvatures at ends of elements in STEP .. STEP + 3, slopes of Delta in PULL
parameters      STIFFNESS, STRENGTH, JUMP, SOURCE, PLANES and the rows of a species from STRENGTH_Z on
Newton          CHARGE, SLOPE, PULL, RATE; assemble: element blocks in STEP, STEP + 1, OFF, residuals in STEP + 2,
                STEP + 3, shapes in SHAPE_LEFT, SHAPE_RIGHT, MID; system in DIAGONAL (with PLANE_STIFFNESS), OFF, RHS;
                then the step in STEP
observe         TOTAL (where STEP was): sigma, then sigma_b/sigma - 1; CHANGE: sigma - sigma_b; EXCESS
kept            Y, SIZE, LAYER, FIRST, DELTA: from these everything else about a solve follows
"""
