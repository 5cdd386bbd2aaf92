"""Exceptions of the package, every one derived from :class:`SpaceChargeError`, and the exit codes of its program."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

EXIT_SOLVED = 0
EXIT_SOME_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_SYSTEM = 3
EXIT_INTERRUPTED = 130
"""Exit codes: all points solved; finished, some failed; bad input, nothing written; stopped by the system (disk full,
out of memory) and interrupted, which both leave a file to resume."""


class SpaceChargeError(Exception):
    """Base of all errors that the package raises on purpose."""


class ModelError(SpaceChargeError, ValueError):
    """A physical input is missing or outside its range.

    Parameters
    ----------
    message : str
        One line: what is wrong and the allowed range.
    path : str
        Dotted key of the offending value, e.g. ``electrode.occupancy``.
    """

    def __init__(self, message: str, path: str = "") -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path}: {message}" if path else message)


class ConfigError(SpaceChargeError, ValueError):
    """A configuration file is broken; carries one line per problem.

    Parameters
    ----------
    problems : list of str
        Lines ``FILE:LINE:COLUMN: dotted.path: what is wrong (...)``.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


class ConvergenceError(SpaceChargeError, RuntimeError):
    """A solve ended without an answer that meets its stated error.

    Parameters
    ----------
    message : str
        What happened and what to try next.
    status : int
        One of :class:`spacecharge.codes.Status`.
    """

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class MiscibilityGapError(ConvergenceError):
    """The chemical potential is not monotone within the occupancies that the solve reaches."""


class StoreError(SpaceChargeError, RuntimeError):
    """A result file cannot be read, written, resumed or locked."""


class FitReason(Enum):
    """Why a fit could not be made."""

    REFUSED = "refused"
    """The configuration and its data do not belong together."""
    DATA = "data"
    """The data cannot be read, or are not what an experiment gives."""
    NOT_CONVERGED = "not_converged"
    """The search did not end."""
    NOT_FINITE = "not_finite"
    """The model has no value where it was asked for one."""
    UNRESOLVED = "unresolved"
    """The data cannot tell parameters apart."""


class FitError(SpaceChargeError, ValueError):
    """A fit cannot be made from the data or model given.

    Parameters
    ----------
    message : str
        One line.
    reason : FitReason
        What kind of trouble it is.
    names : tuple of str
        Parameters that it is about.
    """

    def __init__(self, message: str, reason: FitReason = FitReason.REFUSED, names: tuple[str, ...] = ()) -> None:
        self.reason = reason
        self.names = names
        super().__init__(message)


class Trouble(NamedTuple):
    """What is wrong in a line of a file.

    Parameters
    ----------
    line : int
        From 1; 0: the file as a whole.
    message : str
        One line.
    column : int
        Character of the line, from 1.
    """

    line: int
    message: str
    column: int = 1


class DataError(FitError):
    """A measured file or a table cannot be read.

    Parameters
    ----------
    path : str
        The file as the message names it.
    troubles : sequence of (int, str) or Trouble
        Line and what is wrong there; the message is the first of them.
    """

    def __init__(self, path: str, troubles: Sequence[tuple[int, str]] | Sequence[Trouble]) -> None:
        self.path = path
        self.troubles = tuple(Trouble(*trouble) for trouble in troubles)
        line, message, _ = self.troubles[0]
        more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
        super().__init__(f"{path}:{line}: {message}{more}" if line else f"{path}: {message}{more}", FitReason.DATA)


class SystemStop(SpaceChargeError, RuntimeError):
    """The system stopped a run (disk full, out of memory); what was written stays resumable."""
