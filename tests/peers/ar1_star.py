"""AR1* in float64 numpy, written from the published formulas and not from the Rust code: CWR* on the head, one binary dense layer with a
shortcut below it trained straight through, synaptic intelligence on that layer.

Writes ar1_star.json: the layer's first weights; then, after every experience, its weights, the total of synaptic intelligence before its
upper limit, and the head's consolidated weights.
Run: python3 ar1_star.py > ar1_star.json   (numpy)
"""
import json

import numpy as np

from head_integer import BATCH, CLASSES, EXPERIENCES, FEATURES, Lcg, data

HEAD_RATE, LAYER_RATE, LAMBDA, EPOCHS = 0.25, 0.125, 400.0, 3
DAMPING, MOST = 1e-7, 1e-3


def sign(x):
    return np.where(x < 0, -1.0, 1.0)


def main():
    features, labels, rows = data()
    a, labels = np.array(features) / 40.0, np.array(labels)
    rng = Lcg(7)
    v = np.array([[(rng.next(2001) - 1000) / 4000.0 for _ in range(FEATURES)] for _ in range(FEATURES)])
    s = 0.5 / np.sqrt(FEATURES)
    w, cw, past = np.zeros((CLASSES, FEATURES)), np.zeros((CLASSES, FEATURES)), np.zeros(CLASSES)
    total, importance, anchor = np.zeros_like(v), np.zeros_like(v), v.copy()
    out = {"head_rate": HEAD_RATE, "layer_share": LAYER_RATE / HEAD_RATE, "lambda": LAMBDA, "epochs": EPOCHS, "first": v.ravel().tolist(),
           "experiences": []}
    for i, experience in enumerate(rows):
        current = np.array([(labels[experience] == c).sum() for c in range(CLASSES)])
        w = np.where(((current > 0) & (past > 0))[:, None], cw, 0.0)
        start, path = v.copy(), np.zeros_like(v)
        for _ in range(EPOCHS):
            for at in range(0, len(experience), BATCH):
                batch = experience[at:at + BATCH]
                x = sign(a[batch])
                u = a[batch] + s * x @ sign(v).T
                z = u @ w.T
                p = np.exp(z - z.max(1, keepdims=True))
                e = p / p.sum(1, keepdims=True) - np.eye(CLASSES)[labels[batch]]
                back = s * e @ w
                g_w, g_v = e.T @ u / len(batch), back.T @ x / len(batch)
                pull = LAMBDA * importance * (v - anchor)
                moved = np.clip(v - LAYER_RATE * g_v, -1, 1) - LAYER_RATE * pull
                path += (g_v + pull) * (moved - v)
                v, w = moved, w - HEAD_RATE * g_w
        total += path / ((v - start) ** 2 + DAMPING)
        importance, anchor = np.minimum(-total, MOST), v.copy()
        mine = current > 0
        mean = w[mine].mean()
        for c in np.flatnonzero(mine):
            wp = np.sqrt(past[c] / current[c])
            cw[c] = (cw[c] * wp + (w[c] - mean)) / (wp + 1)
        past += current
        assert set(np.flatnonzero(mine)) <= set(EXPERIENCES[i])
        out["experiences"].append({"layer": v.ravel().tolist(), "total": total.ravel().tolist(), "consolidated": cw.ravel().tolist()})
    print(json.dumps(out))


if __name__ == "__main__":
    main()
