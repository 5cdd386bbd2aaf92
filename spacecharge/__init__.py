"""spacecharge: space-charge layers in all-solid-state batteries.

The public names stand in ``__init__.pyi``, which type checkers read as it is. At run time each loads on first use,
so that ``import spacecharge`` stays light: numba, h5py, matplotlib, xarray and pydantic come in only with the
function that needs them.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = [*_names, "__version__"]
