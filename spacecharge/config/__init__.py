"""From YAML files to stacks, sweeps and settings, with every error of a file in one go."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
