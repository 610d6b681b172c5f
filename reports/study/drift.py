"""What rounding a tensor anew on grids that follow its range does by itself, with no gradient: the growth of its range.

Each step is paper-8's update from the forward copy: onto 8 bits of the range widened by 2 % on both sides, then onto 8 bits of the new range. `start`: the
authors' quantiser, whose grid starts at the lower end; `zero`: a grid of integers with a zero point, as integer kernels need it. Run: python3 drift.py
"""
import numpy as np

STEPS, BITS = 400, 8


def start(x, low, high):
    steps = (2**BITS - 1) / (high - low)
    return low + np.rint((np.clip(x, low, high) - low) * steps) / steps


def zero(x, low, high):
    low, high, least = min(low, 0), max(high, 0), -(2 ** (BITS - 1))
    scale = (high - low) / (2**BITS - 1)
    code = np.floor(least - low / scale + 0.5)
    return (np.clip(np.rint(x / scale) + code, least, -least - 1) - code) * scale


for quantiser in (start, zero):
    growth = []
    for seed in range(6):
        w = np.random.default_rng(seed).normal(0, 0.02, 5000)
        first = np.ptp(w)
        for _ in range(STEPS):
            margin = 0.02 * np.ptp(w)
            w = quantiser(w, w.min() - margin, w.max() + margin)
            w = quantiser(w, w.min(), w.max())
        growth.append(round(float(np.ptp(w) / first), 2))
    print(quantiser.__name__, growth)
