"""Workers of a sweep on a cluster, through dask.distributed (extra ``cluster``).

The client hands out chunks and writes the file; workers return arrays and never see the file system
of the result. A worker may die at any time: dask runs its chunk again elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import queue
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SpaceChargeError, SystemStop
from .pools import Done, Values
from .task import Task, chunk_range

if TYPE_CHECKING:
    from distributed import Client, Future

RETRIES = 2
"""An error inside a chunk is tried again so often (a worker's death is counted by dask on its own)."""

NO_WORKER_SECONDS = 60.0
"""A run without any worker waits so long for one: a batch queue may still be starting them."""

LOOK_SECONDS = 2.0
"""How often the scheduler is asked who is there."""

CONNECT_SECONDS = 30.0

_WORDS = 200
"""Longest part of a message that comes from elsewhere."""


def connect(address: str, workers: int) -> Client:
    """Return a client of the scheduler that `address` names.

    Parameters
    ----------
    address : str
        ``tcp://HOST:PORT``, a scheduler file, or ``local`` for a cluster of processes on this machine.
    workers : int
        Processes of a local cluster.

    Returns
    -------
    distributed.Client
        Connected.

    Raises
    ------
    SpaceChargeError
        The extra is not installed, or nobody answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise SpaceChargeError("--scheduler needs the extra cluster: pip install 'spacecharge[cluster]'") from error
    try:
        if address == "local":
            # Errors of workers come back as results; their logs would only repeat them on stderr.
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                # A port of its own: without a dashboard, too, the scheduler would take 8787, with a warning where
                # another run has that.
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                silence_logs=logging.CRITICAL,
            )
            return Client(cluster)
        if "://" not in address:
            if not Path(address).is_file():
                raise SpaceChargeError(
                    f"--scheduler {address}: neither local, nor tcp://HOST:PORT, nor a scheduler file"
                )
            return Client(scheduler_file=address, timeout=CONNECT_SECONDS)
        return Client(address, timeout=CONNECT_SECONDS)
    except SpaceChargeError:
        raise
    except Exception as error:
        # An address that distributed makes nothing of ends in whatever its transports raise (TypeError, RuntimeError).
        text = " ".join(str(error).split())[:_WORDS]
        raise SpaceChargeError(f"--scheduler {address[:_WORDS]}: no scheduler answers there ({text})") from error


class ClusterPool:
    """Chunks evaluated by the workers of a dask scheduler.

    Parameters
    ----------
    task : Task
        What to evaluate; is pickled once.
    address : str
        See :func:`connect`.
    workers : int
        Processes of a local cluster.
    no_worker_seconds : float
        Give up when there was no worker for so long [s].
    """

    def __init__(self, task: Task, address: str, workers: int, *, no_worker_seconds: float = NO_WORKER_SECONDS) -> None:
        self._client = connect(address, workers)
        self._cluster: Any = self._client.cluster if address == "local" else None
        self._address = address
        self._patience = no_worker_seconds
        self._task = task
        self._outbox: queue.SimpleQueue[tuple[int, Future]] = queue.SimpleQueue()
        self._futures: dict[int, Future] = {}
        self._client.register_plugin(_worker_plugin(is_ours=address == "local"))
        # A task made by a function of the graph can be made again when the worker that holds it dies;
        # data scattered to workers would be lost with them.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            self._remote = self._client.submit(pickle.loads, pickle.dumps(task), pure=False)
        self._looked = self._alive = time.monotonic()
        self.capacity = 2
        self._look(force=True)

    def submit(self, chunk: int) -> None:
        """Hand out a chunk."""
        lo, hi = chunk_range(self._task, chunk)
        try:
            future = self._client.submit(_evaluate, self._remote, lo, hi, pure=False, retries=RETRIES)
        except Exception as error:
            raise self._lost(error) from None
        self._futures[chunk] = future
        future.add_done_callback(lambda f: self._outbox.put((chunk, f)))

    def get(self, timeout: float) -> Done | None:
        """Return the next chunk that came back, or None after `timeout` seconds.

        Raises
        ------
        SystemStop
            The scheduler is gone, or there was no worker for a long time.
        """
        try:
            chunk, future = self._outbox.get(timeout=timeout) if timeout > 0 else self._outbox.get_nowait()
        except queue.Empty:
            if timeout > 0:
                self._look()
            return None
        self._look()
        self._futures.pop(chunk, None)
        try:
            return Done(chunk, future.result(timeout=self._patience))
        except Exception as error:
            if self._client.status != "running":
                raise SystemStop(f"--scheduler {self._address}: the connection to the scheduler is lost") from None
            return Done(chunk, None, error)
        finally:
            future.release()

    def close(self) -> None:
        """Drop what waits; do not wait for what runs."""
        with contextlib.suppress(Exception):
            self._client.cancel(list(self._futures.values()))
        with contextlib.suppress(Exception):
            self._client.close()
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close()

    def _lost(self, error: BaseException) -> SystemStop:
        return SystemStop(
            f"--scheduler {self._address}: the connection to the scheduler is lost ({error or type(error).__name__}); "
            "what was reported done is in the file, continue with --resume"
        )

    def _look(self, force: bool = False) -> None:
        """See who is there; keep the supply in step with the number of threads."""
        now = time.monotonic()
        if not force and now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        try:
            threads = sum(self._client.nthreads().values())
        except Exception as error:
            raise self._lost(error) from None
        if threads:
            self._alive = now
        elif now - self._alive > self._patience:
            raise SystemStop(
                f"--scheduler {self._address}: no worker for {self._patience:.0f} s; what was reported done "
                "is in the file, continue with --resume"
            )
        self.capacity = max(2, 3 * threads + 2)


def _evaluate(task: Task, lo: int, hi: int) -> Values:
    """Evaluate one chunk on a worker."""
    return dict(task.evaluate(lo, hi))


def _worker_plugin(is_ours: bool) -> Any:
    """Return the plugin that gives every worker a compile cache of its own.

    Workers that share one (a home directory on a network file system) overwrite each other's index.

    Parameters
    ----------
    is_ours : bool
        The workers are children of this process: Ctrl-C in the terminal reaches them too, and stopping
        them is our business.
    """
    from distributed import WorkerPlugin

    class PrepareWorker(WorkerPlugin):  # type: ignore[misc]  # distributed carries no types
        name = "spacecharge"

        def setup(self, worker: Any) -> None:
            prepare_numba_cache(Path(worker.local_directory) / "numba")
            if is_ours:
                # Outside the main thread the worker has no handler that could be replaced.
                with contextlib.suppress(ValueError):
                    signal.signal(signal.SIGINT, signal.SIG_IGN)

    # Sent by value: the class is not importable by name on the worker.
    return PrepareWorker()


def prepare_numba_cache(folder: Path) -> None:
    """Point numba at a cache directory of this process's own, started with what is compiled already.

    Parameters
    ----------
    folder : Path
        Directory; created.
    """
    package = Path(__file__).resolve().parent.parent
    given = os.environ.get("NUMBA_CACHE_DIR")
    folder.mkdir(parents=True, exist_ok=True)
    # A missing or outdated seed only costs a compilation.
    with contextlib.suppress(OSError):
        if given and Path(given).is_dir() and Path(given) != folder:
            shutil.copytree(given, folder, dirs_exist_ok=True)
        # With the stamp of their sources, or the kernels would take them for leftovers of another version.
        seeds = [*package.rglob("__pycache__/*.nb[ic]"), *package.rglob("__pycache__/*.sha256")]
        for index in seeds:
            source = index.parent.parent
            # The name that numba gives to the cache of a source folder inside NUMBA_CACHE_DIR.
            target = folder / f"{source.name}_{hashlib.sha1(str(source).encode()).hexdigest()}"
            target.mkdir(exist_ok=True)
            shutil.copy2(index, target / index.name)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)
