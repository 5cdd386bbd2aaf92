"""The Fletcher-32 checksum as the HDF5 library takes it, for chunks that are handed to it ready-made."""

from __future__ import annotations

import numpy as np

BLOCK_WORDS = 1 << 13
"""Words summed at a time: few enough to stay in the cache (megabytes are new memory each time, which costs ten
times the sums), and every partial sum stays an integer below 2^53, so the products run in double precision."""

_WEIGHTS = np.arange(BLOCK_WORDS, 0, -1, dtype=np.float64)


def fletcher32(data: bytes) -> int:
    """Return the checksum of HDF5's filter 3.

    Parameters
    ----------
    data : bytes
        The chunk as it goes to the disk, before the checksum.

    Returns
    -------
    int
        Both sums, 16 bits each. It follows the data, least significant byte first.

    Notes
    -----
    Big-endian words of 16 bits, an odd last byte being the upper half of one; both sums modulo 65535, where a sum
    that is not zero never ends as zero (end-around carry). H5_checksum_fletcher32 of the HDF5 library.
    """
    words = np.frombuffer(data if len(data) % 2 == 0 else data + b"\0", ">u2")
    first = second = 0
    for lo in range(0, words.size, BLOCK_WORDS):
        block = words[lo : lo + BLOCK_WORDS].astype(np.float64)
        second += first * block.size + int(block @ _WEIGHTS[BLOCK_WORDS - block.size :])
        first += int(block.sum())
    return _folded(second) << 16 | _folded(first)


def _folded(total: int) -> int:
    return (total - 1) % 65535 + 1 if total else 0


__all__ = ["fletcher32"]
