"""CWR* in float64, after Avalanche's published algorithm (CWRStarPlugin with a bias-free linear head, torch's SGD).

Avalanche itself was not run: this follows its plugin (set_consolidate_weights, reset_weights, consolidate_weights) and
torch.optim.SGD's update in plain Python. Writes cwr_float.json. Run: python3 cwr_float.py > cwr_float.json
"""
import json
import math

CLASSES, FEATURES, BATCH, TRAIN, TEST = 6, 9, 10, 40, 60
EXPERIENCES = [[0, 1], [2, 3], [1, 4], [0, 5]]


class Lcg:
    def __init__(self, seed):
        self.state = seed

    def next(self, n):
        self.state = (self.state * 1664525 + 1013904223) % 2 ** 32
        return (self.state >> 16) % n


def samples(rng, classes, n):
    """Features are multiples of 1/16, so that f32 holds them exactly."""
    out = []
    for _ in range(n):
        y = classes[rng.next(len(classes))]
        out.append(([(rng.next(33) - 16 + (14 if k % CLASSES == y else 0)) / 16 for k in range(FEATURES)], y))
    return out


def train(w, batch, rate, momentum, decay, velocity):
    n = len(batch)
    grad = [[0.0] * FEATURES for _ in range(CLASSES)]
    for a, y in batch:
        z = [sum(p * q for p, q in zip(row, a)) for row in w]
        top = max(z)
        e = [math.exp(v - top) for v in z]
        s = sum(e)
        for c in range(CLASSES):
            d = (e[c] / s - (1.0 if c == y else 0.0)) / n
            for k in range(FEATURES):
                grad[c][k] += d * a[k]
    for c in range(CLASSES):
        for k in range(FEATURES):
            velocity[c][k] = momentum * velocity[c][k] + grad[c][k] + decay * w[c][k]
            w[c][k] -= rate * velocity[c][k]


def run(name, rate, momentum, decay, unseen, epochs):
    rng = Lcg(7)
    zeros = lambda: [[0.0] * FEATURES for _ in range(CLASSES)]
    streams = [(samples(rng, cs, TRAIN), samples(rng, cs, TEST)) for cs in EXPERIENCES]
    cw, past = zeros(), [0] * CLASSES
    matrix, consolidated = [], []
    for data, _ in streams:
        cur = [sum(y == c for _, y in data) for c in range(CLASSES)]
        w = zeros()
        for c in range(CLASSES):
            if cur[c] and past[c]:
                w[c] = cw[c][:]
        velocity = zeros()  # Avalanche makes the optimiser anew for each experience
        for _ in range(epochs):
            for at in range(0, TRAIN, BATCH):
                train(w, data[at:at + BATCH], rate, momentum, decay, velocity)
        rows = [c for c in range(CLASSES) if cur[c]]
        avg = sum(sum(w[c]) for c in rows) / (len(rows) * FEATURES)
        for c in rows:
            wp = math.sqrt(past[c] / cur[c])
            cw[c] = [(old * wp + (new - avg)) / (wp + 1) for old, new in zip(cw[c], w[c])]
            past[c] += cur[c]
        live = [cw[c][:] if past[c] else (w[c][:] if unseen == "as-trained" else [0.0] * FEATURES) for c in range(CLASSES)]
        row = []
        for _, test in streams:
            hits = 0
            for a, y in test:
                z = [sum(p * q for p, q in zip(r, a)) for r in live]
                hits += z.index(max(z)) == y
            row.append(hits / len(test))
        matrix.append(row)
        consolidated.append([v for r in cw for v in r])
    return {"name": name, "rate": rate, "momentum": momentum, "decay": decay, "unseen": unseen, "epochs": epochs,
            "matrix": matrix, "consolidated": consolidated}


print(json.dumps([run("plain", 0.1, 0.0, 0.0, "zero", 4), run("momentum", 0.05, 0.9, 0.0005, "as-trained", 3)]))
