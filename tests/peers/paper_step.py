"""The `paper-*` step with its switches in Python's unbounded integers, written from docs/numerics.md and not from the Rust code.

Writes paper_step.json: master codes after every step and consolidated values after every experience, for update base forward or stored, error range frozen
or dynamic, stored widths of 8 and 16 bits, consolidation in f32 or quantised. Run: python3 paper_step.py > paper_step.json
"""
import json
import struct
from fractions import Fraction
from math import isqrt, sqrt

from head_integer import BATCH, CLASSES, FEATURES, RATE, affine, clamp, data, half_even, scale, softmax

FINE = Fraction(2) ** 40
S_FEATURE, ZERO_FEATURE = scale(Fraction(3, 100)), -9


def f32(x):
    """One rounding to single precision; of a sum, product, quotient or root of two such numbers it is IEEE's own result."""
    return struct.unpack("f", struct.pack("f", x))[0]


class Tensor:
    def __init__(self, codes, zero, unit):
        self.codes, self.zero, self.unit = codes, zero, unit

    def centred(self):
        return [c - self.zero for c in self.codes]


def from_integers(values, unit, bits):
    factor, zero, s = affine(min(values), max(values), bits, unit)
    lo, hi = -2 ** (bits - 1), 2 ** (bits - 1) - 1
    return Tensor([clamp(zero + half_even(v * factor), lo, hi) for v in values], zero, s)


def from_reals(values, bits):
    lo, hi = min(min(values), 0.0), max(max(values), 0.0)
    qmin, qmax = -2 ** (bits - 1), 2 ** (bits - 1) - 1
    if lo == hi:
        return Tensor([0] * len(values), 0, Fraction(1, 2 ** 20))
    s = scale(Fraction((hi - lo) / (2 ** bits - 1)))
    below = Fraction(-lo / float(s)) + Fraction(1, 2)
    zero = clamp(qmin + below.numerator // below.denominator, qmin, qmax)
    return Tensor([clamp(half_even(Fraction(x / float(s))) + zero, qmin, qmax) for x in values], zero, s)


class Head:
    def __init__(self, bits, base, frozen, quantised):
        self.bits, self.base, self.frozen, self.quantised = bits, base, frozen, quantised
        self.fixed = None
        n = CLASSES * FEATURES
        self.w = Tensor([0] * n, 0, Fraction(1, 2 ** 20))
        self.cw = Tensor([0] * n, 0, Fraction(1, 2 ** 20)) if quantised else [0.0] * n
        self.past = [0] * CLASSES

    def copy(self):
        centred = self.w.centred()
        lo, hi = min(centred + [0]), max(centred + [0])
        if lo == hi:
            return Tensor(list(self.w.codes), 0, self.w.unit)
        margin = (hi - lo) * 2
        unit = scale(self.w.unit * scale(Fraction(1, 100)))
        _, zero, s = affine(lo * 100 - margin, hi * 100 + margin, 8, unit)
        factor = scale(self.w.unit / s)
        return Tensor([clamp(zero + half_even(c * factor), -128, 127) for c in centred], zero, s)

    def differences(self, w, rows, labels):
        s_p = scale(Fraction(1.0 / 255))
        one = half_even(scale(1 / s_p))
        to = scale(Fraction(1, 2 ** 30) / s_p)
        out, w = [], w.centred()
        unit = scale(self.f.unit * S_FEATURE)
        for a, y in zip(rows, labels):
            z = [sum(w[c * FEATURES + k] * (a[k] - ZERO_FEATURE) for k in range(FEATURES)) for c in range(CLASSES)]
            p = [clamp(-128 + half_even(v * to), -128, 127) for v in softmax(z, unit)]
            out.append([v + 128 - (one if c == y else 0) for c, v in enumerate(p)])
        return out, s_p

    def errors(self, d, unit):
        flat = [v for row in d for v in row]
        if self.fixed is None:
            t = from_integers(flat, unit, 8)
        else:
            zero, s = self.fixed
            factor = scale(unit / s)
            t = Tensor([clamp(zero + half_even(v * factor), -128, 127) for v in flat], zero, s)
        return t

    def step(self, rows, labels):
        self.f = self.copy()
        d, unit = self.differences(self.f, rows, labels)
        e = self.errors(d, unit)
        err = e.centred()
        n = len(rows)
        g = [sum(err[b * CLASSES + c] * (rows[b][k] - ZERO_FEATURE) for b in range(n)) for c in range(CLASSES) for k in range(FEATURES)]
        unit = scale(scale(e.unit * S_FEATURE) * scale(Fraction(1, n)))
        base = self.f if self.base == "forward" else self.w
        rate = scale(scale(Fraction(RATE)) * FINE * unit)
        wide = [half_even(c * base.unit * FINE) - half_even(v * rate) for c, v in zip(base.centred(), g)]
        self.w = from_integers(wide, 1 / FINE, self.bits)

    def calibrate(self, rows, labels):
        if not self.frozen or self.fixed is not None:
            return
        self.f = self.copy()
        lo = hi = 0
        for at in range(0, len(rows), BATCH):
            d, unit = self.differences(self.f, rows[at:at + BATCH], labels[at:at + BATCH])
            flat = [v for row in d for v in row]
            lo, hi = min(lo, *flat), max(hi, *flat)
        _, zero, s = affine(lo, hi, 8, unit)
        self.fixed = (zero, s)

    def rows_of(self, values, c):
        return values[c * FEATURES:(c + 1) * FEATURES]

    def load(self, take):
        if self.quantised:
            codes = [v if take[i // FEATURES] else self.cw.zero for i, v in enumerate(self.cw.codes)]
            self.w = Tensor(codes, self.cw.zero, self.cw.unit)
        else:
            self.w = from_reals([v if take[i // FEATURES] else 0.0 for i, v in enumerate(self.cw)], self.bits)

    def merge(self, current):
        take = [c for c in range(CLASSES) if current[c]]
        if self.quantised:
            values = [v for c in take for v in self.rows_of(self.w.centred(), c)]
            mean = half_even(Fraction(sum(values) * 2 ** 16, len(values)))
            mean = half_even(mean * scale(self.w.unit * FINE) * Fraction(1, 2 ** 16))
            new = [half_even(v * self.w.unit * FINE) for v in self.w.centred()]
            old = [half_even(v * self.cw.unit * FINE) for v in self.cw.centred()]
            for c in take:
                wp = isqrt((self.past[c] << 32) // current[c])
                for i in range(c * FEATURES, (c + 1) * FEATURES):
                    old[i] = half_even(Fraction(old[i] * wp + (new[i] - mean) * 2 ** 16, wp + 2 ** 16))
            self.cw = from_integers(old, 1 / FINE, 8)
        else:
            s = f32(float(self.w.unit))
            w = [f32(float(v) * s) for v in self.w.centred()]
            total = 0.0
            for c in take:
                for v in self.rows_of(w, c):
                    total = f32(total + v)
            mean = f32(total / (len(take) * FEATURES))
            for c in take:
                wp = f32(sqrt(f32(self.past[c] / current[c])))
                for i in range(c * FEATURES, (c + 1) * FEATURES):
                    self.cw[i] = f32(f32(f32(self.cw[i] * wp) + f32(w[i] - mean)) / f32(wp + 1.0))
        for c in take:
            self.past[c] += current[c]


def run(name, bits, base, frozen, quantised):
    features, labels, rows = data()
    head = Head(bits, base, frozen, quantised)
    out = {"name": name, "bits": bits, "base": base, "frozen": frozen, "quantised": quantised, "steps": [], "consolidated": []}
    for experience in rows:
        current = [sum(labels[i] == c for i in experience) for c in range(CLASSES)]
        head.load([current[c] > 0 and head.past[c] > 0 for c in range(CLASSES)])
        x, y = [features[i] for i in experience], [labels[i] for i in experience]
        for _ in range(2):
            for at in range(0, len(experience), BATCH):
                head.step(x[at:at + BATCH], y[at:at + BATCH])
                out["steps"].append(head.w.codes)
        head.calibrate(x, y)
        head.merge(current)
        head.load([p > 0 for p in head.past])
        values = [float(v * head.cw.unit) for v in head.cw.centred()] if quantised else list(head.cw)
        out["consolidated"].append(values)
    return out


if __name__ == "__main__":
    print(json.dumps([
        run("paper-8", 8, "forward", True, False),
        run("paper-16", 16, "forward", True, False),
        run("paper-8-stored-base", 8, "stored", True, False),
        run("paper-16-dynamic-error", 16, "stored", False, False),
        run("paper-8-merged-8-bit", 8, "forward", True, True),
    ]))
