"""The authors' quantised step in float emulation, with and without what `paper-*` changes: what do the two differences cost?

Their quantiser maps onto a grid that starts at the range's lower end (zero falls between codes); `paper-*` needs an integer zero point, since codes are
multiplied as integers. They train the first experience in float; `paper-*` is integer throughout. Here both are switches over the same features, head and
stream, in f64, with the authors' formulas (dynamic 2 % margin on the forward copy, frozen ranges of features and error, the forward copy as the update's
base, stored weights requantised each step, merge in float). Bits: forward 8, stored `bits`.
Run: python3 authors.py TRAIN.npz TEST.npz --rate 0.03 [--bits 8] [--experiences "6,2;0,8;7,1;5,4;9,3"]     arrays `x` (samples × features) and `y`
"""
import argparse
import itertools

import numpy as np


def quantise(x, low, high, bits, integer_zero):
    if low == 0 and high == 0:
        return x
    scale = (high - low) / (2**bits - 1)
    if integer_zero:
        zero = np.rint(-low / scale)
        return (np.clip(np.rint(x / scale) + zero, 0, 2**bits - 1) - zero) * scale
    return low + np.rint((np.clip(x, low, high) - low) / scale) * scale


def around_zero(x):
    return min(x.min(), 0.0), max(x.max(), 0.0)


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


class Head:
    def __init__(self, features, classes, bits, integer_zero):
        self.w = np.zeros((features, classes))
        self.merged, self.past = np.zeros_like(self.w), np.zeros(classes)
        self.bits, self.integer_zero, self.error = bits, integer_zero, None

    def q(self, x, low, high, bits):
        # With an integer zero, zero is inside the range, as a zero point must be a code.
        if self.integer_zero:
            low, high = min(low, 0.0), max(high, 0.0)
        return quantise(x, low, high, bits, self.integer_zero)

    def forward(self, w):
        margin = 0.02 * (w.max() - w.min())
        return self.q(w, w.min() - margin, w.max() + margin, 8) if w.any() else w

    def step(self, a, y, rate, quantised):
        onehot = np.eye(self.w.shape[1])[y]
        w = self.forward(self.w) if quantised else self.w
        p = softmax(a @ w)
        p = quantise(p, 0, 1, 8, self.integer_zero) if quantised else p
        d = (p - onehot) / len(y)
        if quantised:
            d = self.q(d, *(self.error or around_zero(d)), 8)
        w = w - rate * a.T @ d
        self.w = self.q(w, w.min(), w.max(), self.bits) if quantised else w

    def calibrate(self, a, y, batch, quantised):
        low = high = 0.0
        for at in range(0, len(y), batch):
            b = slice(at, at + batch)
            p = softmax(a[b] @ (self.forward(self.w) if quantised else self.w))
            low, high = min(low, ((p - np.eye(p.shape[1])[y[b]]) / len(y[b])).min()), max(high, (p / len(y[b])).max())
        self.error = (low, high)

    def merge(self, counts):
        now = counts > 0
        mean = self.w[:, now].mean()
        weight = np.sqrt(self.past[now] / counts[now])
        self.merged[:, now] = (self.merged[:, now] * weight + self.w[:, now] - mean) / (weight + 1)
        self.past += counts


def stream(train, test, given, integer_zero, float_first, quantised, seed):
    order = np.random.default_rng(seed)
    classes = int(train["y"].max()) + 1
    head = Head(train["x"].shape[1], classes, given.bits, integer_zero)
    groups = [[int(c) for c in e.split(",")] for e in given.experiences.split(";")]
    rows = [np.flatnonzero(np.isin(train["y"], e)) for e in groups]
    first = train["x"][rows[0]]
    mean, deviation = first.mean(0), first.std(0)
    deviation[deviation == 0] = 1
    x, x_test = (train["x"] - mean) / deviation, (test["x"] - mean) / deviation
    if quantised:
        low, high = around_zero(x[rows[0]])
        x, x_test = quantise(x, low, high, 8, integer_zero), quantise(x_test, low, high, 8, integer_zero)
    for experience, here in enumerate(rows):
        in_bits = quantised and not (float_first and experience == 0)
        counts = np.bincount(train["y"][here], minlength=classes)
        again = (counts > 0) & (head.past > 0)
        head.w = np.where(again, head.merged, 0.0)
        for _ in range(10 if experience == 0 else 5):
            shuffled = order.permutation(here)
            for at in range(0, len(here), given.batch):
                b = shuffled[at:at + given.batch]
                head.step(x[b], train["y"][b], given.rate, in_bits)
        if experience == 0:
            head.calibrate(x[here], train["y"][here], given.batch, in_bits)
        head.merge(counts)
    w = head.forward(head.merged) if quantised else head.merged
    return 100 * np.mean((x_test @ w).argmax(1) == test["y"])


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("train")
    options.add_argument("test")
    options.add_argument("--rate", type=float, default=0.03)
    options.add_argument("--bits", type=int, default=8)
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--experiences", default="6,2;0,8;7,1;5,4;9,3")
    given = options.parse_args()
    train, test = np.load(given.train), np.load(given.test)
    seeds = range(1, 6)
    base = np.array([stream(train, test, given, False, False, False, s) for s in seeds])
    print(f"float: {base.mean():.1f}")
    for integer_zero, float_first in itertools.product([False, True], [True, False]):
        own = np.array([stream(train, test, given, integer_zero, float_first, True, s) for s in seeds]) - base
        # Student t, 4 degrees of freedom, 95 %.
        print(f"{'integer' if integer_zero else 'real'} zero, first experience in {'float' if float_first else 'bits'}: "
              f"{own.mean():+.1f} ± {2.776 * own.std(ddof=1) / np.sqrt(len(own)):.1f}")


if __name__ == "__main__":
    main()
