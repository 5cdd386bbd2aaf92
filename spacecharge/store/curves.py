"""Equilibrium curves of fits of the kind ocv, read back."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from .fit_reader import GROUP
from .opening import open_hdf5

Array = NDArray[np.float64]


def read_curve(path: str | os.PathLike[str], name: str | None = None) -> tuple[Array, Array]:
    """Read the curve of a fit of the kind ocv.

    Parameters
    ----------
    path : str or path
        Result file.
    name : str, optional
        Of the fit; default: the only one of this kind.

    Returns
    -------
    composition, potential : ndarray, shape (n,)
        As fitted; [V].

    Raises
    ------
    StoreError
        No such file or fit, several fits, or another kind of fit.
    """
    where = os.fspath(path)
    if not os.path.isfile(path):
        raise StoreError(f"{where}: no such file; spacecharge fit -o writes it")
    with open_hdf5(path) as file:
        fits = file.get(GROUP)
        named = () if fits is None else tuple(fits)
        curves = [n for n in named if str(fits[n].attrs.get("kind", "")) == "ocv"]
        if name is None:
            if len(curves) != 1:
                what = f"several ({', '.join(curves)}): name one under fit" if curves else "none"
                raise StoreError(f"{where}: one fit of the kind ocv is needed, it has {what}")
            name = curves[0]
        elif name not in curves:
            raise StoreError(f"{where}: has no fit {name} of the kind ocv (fits: {', '.join(named) or 'none'})")
        group = fits[name]
        try:
            x, u = (np.asarray(group[key][...], dtype=np.float64).reshape(-1) for key in ("composition", "potential"))
        except (KeyError, TypeError, ValueError):
            raise StoreError(f"{where}: fits/{name} is damaged: no composition and potential") from None
    if x.shape != u.shape or x.size < 2 or not (np.isfinite(x).all() and np.isfinite(u).all()):
        raise StoreError(f"{where}: fits/{name} is damaged: composition and potential do not belong together")
    return x, u


__all__ = ["read_curve"]
