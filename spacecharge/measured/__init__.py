"""Readers of measured files and what is read off a curve; this room knows no fit.

`text` turns bytes into lines and cells, `table` finds header, delimiter and decimal sign and reads columns: the one
reader of every text table of the package. On it stand `columns` (roles with units), `cycler` (voltage and current
against time), `spectra` (impedance), `bruker` (relaxation experiments) and `bruker2d` with `volumes`
(exchange spectra). `ocv` turns what a cycler recorded into an
equilibrium curve, by `charge` (composition), `rests`, `equilibrium` (branches, monotone regression, plateaus) and
`titration` (chemical diffusivity, thermodynamic factor).
"""
