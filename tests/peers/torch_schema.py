"""A network as PyTorch keeps it (a state dict in PyTorch's layouts), written by the ten lines of docs/import.md, and its output.

    venv/bin/pip install numpy safetensors
    venv/bin/python tests/peers/torch_schema.py tests/fixtures/torch_schema

Only numpy: `state` stands where `net.state_dict()` would, the forward pass is written out with PyTorch's conventions (OIHW
kernels, padding on every side, flattening in order channel, y, x). Latent weights include a zero, whose sign is +1.
"""
import json
import sys

import numpy as np
from safetensors.numpy import save_file

rng = np.random.default_rng(4)
f = lambda *shape: rng.normal(0, 1, shape).astype(np.float32)
state = {
    "conv1.weight": f(8, 3, 3, 3), "conv1.bias": f(8),
    "bn1.weight": f(8), "bn1.bias": f(8), "bn1.running_mean": f(8), "bn1.running_var": f(8) ** 2 + 0.5,
    "bn1.num_batches_tracked": np.array(7),
    "dw.weight": f(8, 1, 3, 3),
    "conv2.weight": f(12, 8, 3, 3), "conv2.bias": f(12),
    "bn2.weight": f(12), "bn2.bias": f(12), "bn2.running_mean": f(12), "bn2.running_var": f(12) ** 2 + 0.5,
    "act.weight": f(1),
    "conv3.weight": f(6, 12, 1, 1),
    "bn3.running_mean": f(6), "bn3.running_var": f(6) ** 2 + 0.5,
    "fc.weight": f(5, 6 * 4 * 4), "fc.bias": f(5),
}
state["conv2.weight"][0, 0, 0, 0] = 0.0

# The ten lines.
nodes = [
    {"name": "conv1", "op": "float_conv", "k": 3, "pad": "zero", "pads": [1, 1, 1, 1]},
    {"name": "bn1", "op": "batch_norm"}, {"name": "dw", "op": "depthwise_conv", "k": 3, "stride": 2, "pad": "zero", "pads": [1, 1, 1, 1]},
    {"name": "sign1", "op": "sign"}, {"name": "conv2", "op": "binary_conv", "k": 3, "pad": "zero", "pads": [1, 1, 1, 1], "scaled": True},
    {"name": "bn2", "op": "batch_norm"}, {"name": "act", "op": "prelu"}, {"name": "sign2", "op": "sign"},
    {"name": "conv3", "op": "binary_conv", "k": 1}, {"name": "bn3", "op": "batch_norm"},
    {"name": "fc", "op": "float_dense", "order": "chw"}]
graph = {"name": "mine", "input": {"h": 8, "w": 8, "c": 3, "kind": "f32"}, "nodes": nodes, "classifier": "fc"}
weights = {name: np.asarray(tensor, np.float32) for name, tensor in state.items()}
save_file(weights, sys.argv[1] + ".safetensors", {"format": "tinyprec-graph-1", "graph": json.dumps(graph)})


def conv(x, w, stride=1, pad=0, groups=1):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    out, _, k, _ = w.shape
    n = (x.shape[1] - k) // stride + 1
    y = np.zeros((out, n, n))
    for o in range(out):
        xs = x if groups == 1 else x[o:o + 1]
        for i in range(n):
            for j in range(n):
                y[o, i, j] = (xs[:, i * stride:i * stride + k, j * stride:j * stride + k] * w[o]).sum()
    return y


def norm(x, name):
    s = {k: v.astype(np.float64) for k, v in state.items() if k.startswith(name)}
    m, v = s[f"{name}.running_mean"], s[f"{name}.running_var"]
    g, b = s.get(f"{name}.weight", np.ones_like(m)), s.get(f"{name}.bias", np.zeros_like(m))
    return ((x.T - m) / np.sqrt(v + 1e-5) * g + b).T


sign = lambda x: np.where(x < 0, -1.0, 1.0)
x = rng.normal(0, 1, (3, 8, 8)).astype(np.float32)
y = conv(x.astype(np.float64), state["conv1.weight"], 1, 1) + state["conv1.bias"][:, None, None]
y = sign(conv(norm(y, "bn1"), state["dw.weight"], 2, 1, groups=8))
w = state["conv2.weight"]
y = conv(y, sign(w), 1, 1) * np.abs(w).mean((1, 2, 3))[:, None, None] + state["conv2.bias"][:, None, None]
y = norm(y, "bn2")
y = sign(np.where(y < 0, y * state["act.weight"], y))
y = norm(conv(y, sign(state["conv3.weight"])), "bn3")
y = state["fc.weight"].astype(np.float64) @ y.reshape(-1) + state["fc.bias"]
json.dump({"input": x.transpose(1, 2, 0).reshape(-1).tolist(), "output": y.tolist()}, open(sys.argv[1] + ".json", "w"))
