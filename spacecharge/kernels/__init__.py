"""Numba kernels: arrays and numbers in, arrays and an integer status out. They never raise."""
