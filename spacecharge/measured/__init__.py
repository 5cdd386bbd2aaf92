"""Readers of measured files and what is read off a curve; this room knows no fit.

`text` turns bytes into lines and cells, `table` finds header, delimiter and decimal sign and reads columns: the one
reader of every text table of the package. On it stand `cycler` (voltage and current against time) and `spectra`
(impedance).
"""
