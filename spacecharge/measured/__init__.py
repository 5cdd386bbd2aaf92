"""Readers of measured files and what is read off a curve; this room knows no fit.

`text` turns bytes into lines and cells, `table` finds header, delimiter and decimal sign and reads columns.
"""
