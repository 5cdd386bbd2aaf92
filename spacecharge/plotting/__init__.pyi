"""The names of this room and where they live: what type checkers see, and what loads when a name is first used."""

from .carriers import plot_carriers
from .figures import plot_file
from .lines import plot_sweep
from .maps import plot_map
from .profiles import plot_profiles, plot_solution

__all__ = [
    "plot_carriers",
    "plot_file",
    "plot_map",
    "plot_profiles",
    "plot_solution",
    "plot_sweep",
]
