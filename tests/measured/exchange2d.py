"""Exchange spectra of two sites, written as Bruker processed data by nmrglue's own writer."""

import numpy as np
from nmrglue.fileio import bruker
from scipy.linalg import expm

REGIONS = {"A": [8.5, 20.0], "B": [-2.0, 8.0]}
NOISE_PPM = [-18.0, -7.0]
CENTRES = (14.0, 4.0)
POPULATIONS = np.array([1.0, 0.7])


def rates(forward, t1=0.9):
    """Rate matrix whose columns sum to minus the relaxation rate, in equilibrium with `POPULATIONS`."""
    back = forward * POPULATIONS[0] / POPULATIONS[1]
    return np.array([[-forward, back], [forward, -back]]) - np.eye(2) / t1


def intensities(forward, mixing_time_s, t1=0.9):
    """I[i, j]: magnetisation that was in i before and is in j after the mixing time."""
    return (expm(rates(forward, t1) * mixing_time_s) @ np.diag(POPULATIONS)).T


def axis(n, width=60.0, offset=40.0):
    return offset - np.arange(n) * width / n


def line(ppm, centre, half_width, lorentzian):
    step = abs(ppm[1] - ppm[0])
    if lorentzian:
        return step / np.pi * half_width / ((ppm - centre) ** 2 + half_width**2)
    return step * np.sqrt(np.log(2) / np.pi) / half_width * np.exp(-np.log(2) * ((ppm - centre) / half_width) ** 2)


def spectrum(volumes, random, *, shape=(128, 256), lorentzian=True, noise=5e-5, tilt=2e-4):
    """Overlapping lines of the given volumes on a tilted plane, with white noise."""
    ppm = [axis(n) for n in shape]
    lines = [[line(p, c, w, lorentzian) for c, w in zip(CENTRES, (1.6, 1.2), strict=True)] for p in ppm]
    out = sum(volumes[i, j] * np.outer(lines[0][i], lines[1][j]) for i in (0, 1) for j in (0, 1))
    u, v = (np.linspace(-1.0, 1.0, n) for n in shape)
    return out + tilt * (0.5 + u[:, None] - 0.6 * v[None, :]) + noise * random.standard_normal(shape)


def write(folder, data, *, mixing_time_s, temperature_K, procno=1, scans=8, frequency=58.9):
    """Write 2rr, procs, proc2s and acqus; NC_proc and the scans are undone by whoever reads."""
    largest = np.abs(data).max() * scans
    exponent = int(np.ceil(np.log2(largest / 2**29)))
    counts = np.rint(data * scans / 2.0**exponent).astype(np.int32)

    def section(n):
        return {
            "SI": n, "XDIM": n // 2, "OFFSET": 40.0, "SW_p": 60.0 * frequency, "SF": frequency, "NC_proc": exponent,
            "BYTORDP": 0, "DTYPP": 0, "PPARMOD": 1, "_coreheader": ["##TITLE= Parameter file"], "_comments": [],
        }  # fmt: skip

    parameters = {"procs": section(data.shape[1]), "proc2s": section(data.shape[0])}
    delays = [0.0] * 64
    delays[8] = mixing_time_s
    acquired = {
        "D": delays, "P": [10.0] * 64, "TE": temperature_K, "NS": scans, "RG": 101.0,
        "_coreheader": ["##TITLE= Parameter file"], "_comments": [],
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    # The writer scales to its own range; the exponent follows from what it wrote.
    scale = 2.0 ** (28 - np.floor(np.log2(np.abs(counts).max())))
    for one in parameters.values():
        one["NC_proc"] = round(exponent - np.log2(scale))
    bruker.write_pdata(
        str(folder), parameters, counts.astype(float), write_procs=True, pdata_folder=procno, overwrite=True
    )
    bruker.write_jcamp(acquired, str(folder / "acqus"), overwrite=True)
    return folder
