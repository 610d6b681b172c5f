"""The authors' own step ("paper" presets) in Python's unbounded integers, with float32 consolidation in numpy.

Written from the formulas of the authors' scripts (affine min-max codes per tensor; features and error on ranges frozen after the first
experience; an 8-bit forward copy with a margin of 2 % on each side of the range; the update subtracted from that copy; stored weights
whose range is taken anew each step; gradient left in its accumulator; consolidation in float32), with scales, zero points and rounding as
docs/numerics.md defines them, and not from the Rust code.

Writes paper_integer.json: stored codes and their scale after every step, and consolidated weights after every experience.
Run: python3 paper_integer.py > paper_integer.json   (numpy)
"""
import json
from fractions import Fraction

import numpy as np

from head_integer import BATCH, CLASSES, FEATURES, RATE, affine, clamp, data, half_even, scale, softmax

FINE = Fraction(1, 2 ** 40)
EPOCHS = 3


def real_affine(lo, hi, bits):
    """Range of reals (doubles) -> (scale, zero point)."""
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if lo == hi:
        return Fraction(1, 2 ** 20), 0
    qmin, qmax = -2 ** (bits - 1), 2 ** (bits - 1) - 1
    s = scale(Fraction((hi - lo) / (2 ** bits - 1)))
    below = Fraction(-lo / float(s))
    return s, clamp(qmin + (below.numerator * 2 + below.denominator) // (2 * below.denominator), qmin, qmax)


def quantise(v, factor, zero, bits):
    return clamp(zero + half_even(v * factor), -2 ** (bits - 1), 2 ** (bits - 1) - 1)


def limits(rows):
    flat = [v for row in rows for v in row]
    return min(flat), max(flat)


class Head:
    """Codes are lists of rows; every tensor has one scale and one zero point."""

    def __init__(self, bits, base, feature_scale, feature_zero):
        self.bits, self.base = bits, base
        self.s_feature, self.z_feature = feature_scale, feature_zero
        self.w, self.s, self.z = [[0] * FEATURES for _ in range(CLASSES)], Fraction(1, 2 ** 20), 0
        self.cw = np.zeros((CLASSES, FEATURES), np.float32)
        self.past = [0] * CLASSES
        self.error_grid = None
        # Probabilities are 8-bit codes of 0 to 1.
        self.s_p = scale(Fraction(1.0 / 255))

    def centred(self):
        return [[w - self.z for w in row] for row in self.w]

    def forward_copy(self):
        """8-bit copy with its margin, in hundredths of a stored code so that 2 % is exact: (centred codes, scale, codes' zero)."""
        rows = self.centred()
        lo, hi = limits(rows)
        lo, hi = min(lo, 0), max(hi, 0)
        if lo == hi:
            factor, zero, s = affine(0, 0, 8, self.s)
        else:
            margin = 2 * (hi - lo)
            _, zero, s = affine(100 * lo - margin, 100 * hi + margin, 8, scale(self.s * scale(Fraction(1, 100))))
            factor = scale(self.s / s)
        return [[quantise(v, factor, zero, 8) - zero for v in row] for row in rows], s

    def differences(self, samples, labels):
        """p - onehot of each sample in codes of 1/255."""
        wf, s_w = self.forward_copy()
        unit = scale(s_w * self.s_feature)
        rows = []
        for a, y in zip(samples, labels):
            z = [sum(w * (x - self.z_feature) for w, x in zip(row, a)) for row in wf]
            to_code = scale(Fraction(1, 2 ** 30) / self.s_p)
            p = [quantise(v, to_code, -128, 8) + 128 for v in softmax(z, unit)]
            rows.append([v - (255 if c == y else 0) for c, v in enumerate(p)])
        return rows, wf, s_w

    def step(self, samples, labels):
        d, wf, s_w = self.differences(samples, labels)
        if self.error_grid:
            s_e, z_e = self.error_grid
            factor = scale(self.s_p / s_e)
        else:
            factor, z_e, s_e = affine(*limits(d), 8, self.s_p)
        e = [[quantise(v, factor, z_e, 8) - z_e for v in row] for row in d]
        n = len(labels)
        g = [[sum(e[i][c] * (samples[i][k] - self.z_feature) for i in range(n)) for k in range(FEATURES)] for c in range(CLASSES)]
        unit = scale(scale(s_e * self.s_feature) * scale(Fraction(1, n)))
        rate = scale(scale(scale(Fraction(RATE)) * Fraction(2 ** 40)) * unit)
        base, s_base = (wf, s_w) if self.base == "forward" else (self.centred(), self.s)
        widen = scale(s_base * 2 ** 40)
        fine = [[half_even(b * widen) - half_even(v * rate) for b, v in zip(br, gr)] for br, gr in zip(base, g)]
        factor, self.z, self.s = affine(*limits(fine), self.bits, FINE)
        self.w = [[quantise(v, factor, self.z, self.bits) for v in row] for row in fine]

    def load(self, rows):
        """Float32 rows become codes of their own range."""
        self.s, self.z = real_affine(float(rows.min()), float(rows.max()), self.bits)
        step = float(self.s)
        code = lambda x: clamp(half_even(Fraction(float(x) / step)) + self.z, -2 ** (self.bits - 1), 2 ** (self.bits - 1) - 1)
        self.w = [[code(x) for x in row] for row in rows]

    def begin(self, current):
        take = np.array([[current[c] > 0 and self.past[c] > 0] for c in range(CLASSES)])
        self.load(np.where(take, self.cw, np.float32(0)))

    def calibrate(self, samples, labels):
        lo = hi = 0
        for at in range(0, len(labels), BATCH):
            d, _, _ = self.differences(samples[at:at + BATCH], labels[at:at + BATCH])
            a, b = limits(d)
            lo, hi = min(lo, a), max(hi, b)
        _, zero, s = affine(lo, hi, 8, self.s_p)
        self.error_grid = (s, zero)

    def end(self, current):
        tw = np.array(self.centred(), np.float64).astype(np.float32) * np.float32(float(self.s))
        rows = [c for c in range(CLASSES) if current[c]]
        total = np.float32(0)
        for c in rows:
            for w in tw[c]:
                total = np.float32(total + w)
        mean = np.float32(total / np.float32(len(rows) * FEATURES))
        for c in rows:
            wp = np.sqrt(np.float32(self.past[c]) / np.float32(current[c]))
            self.cw[c] = (self.cw[c] * wp + (tw[c] - mean)) / (wp + np.float32(1))
            self.past[c] += current[c]
        seen = np.array([[p > 0] for p in self.past])
        self.load(np.where(seen, self.cw, np.float32(0)))


def run(bits, base):
    features, labels, rows = data()
    # Any frozen range will do: codes of -128 to 127 over -3.5 to 4.25.
    s, z = real_affine(-3.5, 4.25, 8)
    head = Head(bits, base, s, z)
    out = {"preset": f"paper-{bits}", "base": base, "feature_range": [-3.5, 4.25], "steps": [], "scales": [], "consolidated": []}
    for i, experience in enumerate(rows):
        current = [sum(labels[j] == c for j in experience) for c in range(CLASSES)]
        head.begin(current)
        for _ in range(EPOCHS):
            for at in range(0, len(experience), BATCH):
                batch = experience[at:at + BATCH]
                head.step([features[j] for j in batch], [labels[j] for j in batch])
                out["steps"].append([w for row in head.w for w in row])
                out["scales"].append(float(head.s))
        if i == 0:
            head.calibrate([features[j] for j in experience], [labels[j] for j in experience])
        head.end(current)
        out["consolidated"].append([float(x) for x in head.cw.flat])
    return out


if __name__ == "__main__":
    print(json.dumps([run(8, "forward"), run(16, "forward"), run(32, "forward"), run(8, "stored"), run(16, "stored")]))
