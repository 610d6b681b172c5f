"""An integer CWR* head in Python's unbounded integers, written from the formulas and not from the Rust code.

Writes head_integer.json: exact codes after steps and experiences for hybrid-8, hybrid-16 and hybrid-32.
Run: python3 head_integer.py > head_integer.json
"""
import json
from fractions import Fraction
from math import isqrt

CLASSES, FEATURES, BATCH, SAMPLES = 5, 13, 8, 24
EXPERIENCES = [[0, 1, 2], [2, 3, 4], [0, 1, 2, 3, 4]]
RATE = 0.25


def half_even(x):
    """A Fraction to the nearest integer, a tie to the even one: Python's round does exactly that."""
    return round(Fraction(x))


def scale(x):
    """The nearest number with a 31-bit mantissa, ties to even: what a device holds as multiplier and shift."""
    x = Fraction(x)
    e = 0
    while x * Fraction(2) ** -e >= 2 ** 31:
        e += 1
    while x * Fraction(2) ** -e < 2 ** 30:
        e -= 1
    return half_even(x * Fraction(2) ** -e) * Fraction(2) ** e


def clamp(x, lo, hi):
    return max(lo, min(hi, x))


class Lcg:
    """Numerical Recipes' generator; the Rust test draws the same numbers."""

    def __init__(self, seed):
        self.state = seed

    def next(self, n):
        self.state = (self.state * 1664525 + 1013904223) % 2 ** 32
        return (self.state >> 16) % n


def data():
    """Class c's samples lean towards +40 where k % CLASSES == c."""
    rng = Lcg(2026)
    features, labels, rows = [], [], []
    for classes in EXPERIENCES:
        start = len(labels)
        for _ in range(SAMPLES):
            label = classes[rng.next(len(classes))]
            features.append([clamp(rng.next(161) - 80 + (40 if k % CLASSES == label else 0), -127, 127) for k in range(FEATURES)])
            labels.append(label)
        rows.append(list(range(start, len(labels))))
    return features, labels, rows


# ---- integer softmax: 2^-y by a polynomial in UQ0.31, exponents in UQ5.27, one reciprocal a sample ----
POWER = [1488521986, 515877902, 119165493, 20571132, 2737501, 234126]
LOG2_E = Fraction(1549082005, 2 ** 30)


def exp2_neg(y):
    whole, f = y >> 27, (y & (2 ** 27 - 1)) << 4
    h = POWER[5]
    for c in (POWER[4], POWER[3], POWER[2], POWER[1], POWER[0], 2 ** 31):
        h = c - ((h * f) >> 31)
    return ((h >> whole) + 1) >> 1


def softmax(z, unit):
    """Codes worth `unit` each to q1.30."""
    factor = scale(unit * LOG2_E) * 2 ** 27
    most = max(z)
    powers = []
    for v in z:
        y = (most - v) * factor
        y = (y.numerator * 2 + y.denominator) // (2 * y.denominator)  # ties up
        powers.append(exp2_neg(min(y, 2 ** 32 - 1)))
    total = sum(powers)
    bits = total.bit_length()
    normal = (total << (64 - bits)) >> 32
    by = 2 ** 62 // normal
    return [(e * by + ((1 << bits) >> 1)) >> bits for e in powers]


def affine(lo, hi, bits, unit):
    """Range of integers worth `unit` -> (multiplier, zero point, scale); 0 is always inside."""
    lo, hi = min(lo, 0), max(hi, 0)
    qmin, qmax, steps = -2 ** (bits - 1), 2 ** (bits - 1) - 1, 2 ** bits - 1
    if lo == hi:
        return Fraction(1), 0, unit
    factor = scale(Fraction(steps, hi - lo))
    below = -lo * factor
    zero = clamp(qmin + (below.numerator * 2 + below.denominator) // (2 * below.denominator), qmin, qmax)
    return factor, zero, scale(unit * scale(Fraction(hi - lo, steps)))


class Head:
    def __init__(self, bits):
        self.bits = bits
        self.top = 2 ** (bits - 1) - 1
        self.s_master = scale(Fraction(2.0 / (2 * self.top)))
        self.s_forward = scale(Fraction(2.0 / 254))
        self.s_feature = scale(Fraction(8.0 / 254))
        self.w = [[0] * FEATURES for _ in range(CLASSES)]
        self.cw = [[0] * FEATURES for _ in range(CLASSES)]
        self.past = [0] * CLASSES

    def forward_copy(self):
        if self.bits == 8:
            return [row[:] for row in self.w]
        factor = scale(self.s_master / self.s_forward)
        return [[clamp(half_even(w * factor), -127, 127) for w in row] for row in self.w]

    def step(self, features, labels):
        b, qmin, qmax = self.bits, -2 ** (self.bits - 1), 2 ** (self.bits - 1) - 1
        wf = self.forward_copy()
        unit = scale(self.s_forward * self.s_feature)
        d = []
        for a, y in zip(features, labels):
            z = [sum(w * x for w, x in zip(row, a)) for row in wf]
            p = softmax(z, unit)
            d.append([v - (2 ** 30 if c == y else 0) for c, v in enumerate(p)])
        flat = [v for row in d for v in row]
        f, ze, s_error = affine(min(flat), max(flat), b, Fraction(1, 2 ** 30))
        e = [[clamp(ze + half_even(v * f), qmin, qmax) for v in row] for row in d]
        acc = [[sum((e[i][c] - ze) * features[i][k] for i in range(len(labels))) for k in range(FEATURES)] for c in range(CLASSES)]
        unit = scale(scale(s_error * self.s_feature) * scale(Fraction(1, len(labels))))
        flat = [v for row in acc for v in row]
        f, zg, s_g = affine(min(flat), max(flat), b, unit)
        g = [[clamp(zg + half_even(v * f), qmin, qmax) for v in row] for row in acc]
        rate = scale(scale(scale(Fraction(RATE)) * s_g) / self.s_master)
        self.w = [[clamp(w - half_even((q - zg) * rate), -self.top, self.top) for w, q in zip(wr, gr)] for wr, gr in zip(self.w, g)]

    def begin(self, current):
        self.w = [self.cw[c][:] if current[c] and self.past[c] else [0] * FEATURES for c in range(CLASSES)]

    def end(self, current):
        values = [w for c in range(CLASSES) if current[c] for w in self.w[c]]
        mean = half_even(Fraction(sum(values) * 2 ** 16, len(values)))
        for c in range(CLASSES):
            if current[c]:
                wp = isqrt((self.past[c] << 32) // current[c])
                for k in range(FEATURES):
                    num = self.cw[c][k] * wp + (self.w[c][k] << 16) - mean
                    self.cw[c][k] = clamp(half_even(Fraction(num, wp + 2 ** 16)), -self.top, self.top)
                self.past[c] += current[c]


def run(bits):
    features, labels, rows = data()
    head, out = Head(bits), {"preset": f"hybrid-{bits}", "steps": [], "consolidated": []}
    for experience in rows:
        current = [sum(labels[i] == c for i in experience) for c in range(CLASSES)]
        head.begin(current)
        for _ in range(2):
            for at in range(0, len(experience), BATCH):
                batch = experience[at:at + BATCH]
                head.step([features[i] for i in batch], [labels[i] for i in batch])
                out["steps"].append([w for row in head.w for w in row])
        head.end(current)
        out["consolidated"].append([w for row in head.cw for w in row])
    return out


if __name__ == "__main__":
    print(json.dumps([run(b) for b in (8, 16, 32)]))
