"""BMXNet's CIFAR-10 ResNet-18 in numpy, written from the node list in the file's metadata alone.

usage: bmxnet_resnet18.py WEIGHTS.safetensors test_10000.bin [f32|f64]
Prints how many of every fifth image are right; tests/golden_bmxnet.rs holds the program to the f64 count.
"""
import json
import struct
import sys

import numpy as np

MEAN = [123.68, 116.779, 103.939]


def read(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    graph = json.loads(header.pop("__metadata__")["graph"])
    kinds = {"F32": np.float32, "U8": np.uint8}
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + size + o for o in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[start:end], kinds[entry["dtype"]]).reshape(entry["shape"])
    return graph, tensors


def patches(x, k, stride, pad, fill):
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)), constant_values=fill)
    oh, ow = ((n - k) // stride + 1 for n in x.shape[1:3])
    taps = [(ky, kx) for ky in range(k) for kx in range(k)]
    return np.concatenate([x[:, ky : ky + stride * oh : stride, kx : kx + stride * ow : stride] for ky, kx in taps], -1)


def scores(graph, tensors, images, real):
    values = {"data": images.astype(real) - np.array(MEAN, real)}
    for op, name, inputs, attributes in graph:
        x = values[inputs[0]]
        k, stride, pad = (int(attributes.get(a, d).strip("() ").split(",")[0]) for a, d in (("kernel", "1"), ("stride", "1"), ("pad", "0")))
        if op == "BatchNorm":
            gamma, beta, mean, var = (tensors[f"{name}.{t}"].astype(real) for t in ("gamma", "beta", "moving_mean", "moving_var"))
            x = (x - mean) / np.sqrt(var + real(float(attributes["eps"]))) * gamma + beta
        elif op == "Convolution":
            w = tensors[f"{name}.weight"]
            x = patches(x, k, stride, pad, 0) @ w.transpose(2, 3, 1, 0).reshape(-1, w.shape[0]).astype(real)
        elif op == "QConvolution":
            signs = np.unpackbits(tensors[f"{name}.weight"], axis=1, bitorder="little").astype(np.float32) * 2 - 1
            columns = patches(np.where(x >= 0, np.float32(1), np.float32(-1)), k, stride, pad, 1)
            x = (columns @ signs.T + columns.shape[-1]) / 2
        elif op == "elemwise_add":
            x = x + values[inputs[1]]
        elif op == "Activation":
            x = np.maximum(x, 0)
        elif op == "Pooling":
            x = x.mean((1, 2))
        elif op == "FullyConnected":
            x = x @ tensors[f"{name}.weight"].T.astype(real) + tensors[f"{name}.bias"].astype(real)
        values[name] = x
    return values["fc1"]


def main():
    graph, tensors = read(sys.argv[1])
    records = np.fromfile(sys.argv[2], np.uint8).reshape(-1, 3073)[::5]
    real = np.float32 if sys.argv[3:] == ["f32"] else np.float64
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    right = 0
    for at in range(0, len(images), 50):
        found = scores(graph, tensors, images[at : at + 50], real).argmax(1)
        right += int((found == records[at : at + 50, 0]).sum())
    print(f"{right} of {len(images)}")


main()
