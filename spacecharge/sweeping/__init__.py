"""Sweeps: from a configuration to a result file, on threads or on a cluster, resumable after a crash."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..config import Config
    from ..config.lattice import LatticeConfig
    from .engine import RunReport


PROFILES_TO_ANNOUNCE = 1e9
"""Profiles larger than this are announced, with the way to make them smaller [bytes]."""


def run_sweep(
    config: Config | LatticeConfig | str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    workers: int | None = None,
    scheduler: str | None = None,
    quiet: bool = True,
) -> RunReport:
    """Solve every point of a configuration and write the result file.

    Parameters
    ----------
    config : Config, LatticeConfig or path
        Configuration, or the YAML file of one.
    output : path, optional
        Result file; default ``output.path`` of the configuration. Missing folders are created.
    resume : bool
        Go on with an interrupted run of the same configuration.
    overwrite : bool
        Replace the points of an existing file; fits stored in it stay.
    workers : int, optional
        Threads, or processes of a local cluster; default: one per core that this process may use.
    scheduler : str, optional
        Dask scheduler: ``tcp://HOST:PORT``, a scheduler file, or ``local``.
    quiet : bool
        No progress on stderr.

    Returns
    -------
    RunReport
        Path, statuses and time; ``open_results(report)`` reads the file.

    Raises
    ------
    ConfigError
        The configuration is broken.
    StoreError
        The file exists and neither `resume` nor `overwrite` is given, is in use, cannot be written, or
        belongs to another configuration.
    SystemStop
        Disk full, or no worker is left; the file can be resumed.

    Examples
    --------
    >>> import spacecharge as sc
    >>> report = sc.run_sweep("configs/lixv2o5_lagp.yaml", workers=2)    # doctest: +SKIP
    >>> data = sc.open_results(report)                                   # doctest: +SKIP
    """
    from ..config import load_config
    from .engine import run_task
    from .pools import Pool, ThreadPool
    from .task import Task

    if isinstance(config, (str, os.PathLike)):
        config = load_config(config)
    task = make_task(config)
    if not quiet:
        _announce_profiles(task)
    n_workers = workers or available_cores()

    def make_pool(task: Task) -> Pool:
        if scheduler is None:
            return ThreadPool(task, n_workers)
        from .cluster import ClusterPool

        return ClusterPool(task, scheduler, n_workers)

    return run_task(
        task,
        Path(output if output is not None else config.output.path),
        make_pool,
        resume=resume,
        overwrite=overwrite,
        workers=n_workers,
        quiet=quiet,
        explain_change=lambda attributes: _differing_keys(attributes, task.config),
    )


def _announce_profiles(task: Any) -> None:
    """Say on stderr that the profiles will be large."""
    from .engine import size_text
    from .estimate import profile_bytes

    n_bytes = profile_bytes(task.layout)
    if n_bytes > PROFILES_TO_ANNOUNCE:
        nodes = max(len(x) for x in task.profile_x)
        print(
            f"the profiles take {size_text(n_bytes)} on the disk ({nodes} nodes per layer and point); "
            f"`output: {{profiles: {{nodes: {max(3, nodes // 4)}}}}}` makes them smaller, `profiles: false` "
            "leaves them out",
            file=sys.stderr,
        )


def make_task(config: Config | LatticeConfig) -> Any:
    """Return the task of a configuration, with the numbers of its fits filled in.

    Parameters
    ----------
    config : Config or LatticeConfig
        Configuration.

    Returns
    -------
    InterfaceTask or LatticeTask
        Ready to be run; nothing is enumerated yet.

    Raises
    ------
    ConfigError
        A fit that the configuration refers to cannot be used, or a key asks for what is not computed.
    """
    from ..config import Config

    if isinstance(config, Config):
        return _interface_task(config)
    from .lattice import LatticeTask

    return LatticeTask(config)


def _interface_task(config: Config) -> Any:
    from ..config.axes import one_stack_needed
    from ..errors import ConfigError
    from ..fitting.from_fit import with_fits
    from .plan import InterfaceTask

    if config.output.sensitivities and config.has_slow_axes:
        # A file was refused when it was loaded; a sweep in memory meets this here.
        raise ConfigError([f"{config.source}: output.sensitivities: {one_stack_needed(config.sweep)}"])
    config = with_fits(config)
    if any(law is not None for law in config.charge_transfer):
        from .transfer import with_fitted_rates

        config = with_fitted_rates(config)
    return InterfaceTask(config)


def available_cores() -> int:
    """Return how many cores this process may use (a batch system may give fewer than there are)."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _differing_keys(attributes: Mapping[str, Any], config: Config | LatticeConfig) -> str:
    """Return which keys differ between the configuration of a file and this one."""
    from .. import __version__
    from ..config import changed_keys
    from ..errors import ConfigError

    try:
        keys = changed_keys(str(attributes.get("config_yaml", "")), config.text)
    except ConfigError:
        return "its configuration cannot be read"
    # Where the result goes does not change what it is.
    keys = [key for key in keys if key not in ("title", "output.path")]
    if keys:
        more = f" and {len(keys) - 8} more" if len(keys) > 8 else ""
        return f"different: {', '.join(keys[:8])}{more}"
    version = attributes.get("spacecharge_version")
    if version != __version__:
        return f"written by spacecharge {version}, this is {__version__}"
    return "different: the materials library, a fit, a file of sites or a table of points"


__all__ = ["available_cores", "make_task", "run_sweep"]
