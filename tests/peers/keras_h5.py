"""Weights in HDF5 as Keras 2 writes them (h5py's default settings, one group a layer).

    venv/bin/pip install h5py numpy safetensors
    venv/bin/python tests/peers/keras_h5.py small tests/fixtures/keras_small.h5
    venv/bin/python tests/peers/keras_h5.py weights_QuickNetSmall_exact.safetensors quicknet_small.h5 [gzip]

`small` is the fixture of `src/import/h5`: every storage layout that the reader knows, value i of a tensor being
((37·i mod 101) − 50)/16. The other form turns a file of named weights into Keras' layout; int8 kernels are 128ths.
"""
import sys

import h5py
import numpy as np


def value(shape):
    i = np.arange(int(np.prod(shape)))
    return (((37 * i) % 101 - 50) / 16).astype(np.float32).reshape(shape)


def write(path, weights, packed):
    layers = {}
    for name in weights:
        layers.setdefault(name.split("/")[0], []).append(name)
    with h5py.File(path, "w") as f:
        f.attrs["layer_names"] = [layer.encode() for layer in layers]
        f.attrs["backend"] = b"tensorflow"
        for layer, names in layers.items():
            g = f.create_group(layer)
            g.attrs["weight_names"] = [n.encode() for n in names]
            for n in names:
                how = packed(n, weights[n]) if callable(packed) else {}
                g.create_dataset(n, data=weights[n], **how)


if sys.argv[1] == "small":
    shapes = {"quant_conv2d/kernel:0": (3, 3, 2, 5), "dense/kernel:0": (13, 7), "dense/bias:0": (7,),
              "batch_normalization/gamma:0": (70,), "r2b_bnn_block_1_prelu/alpha:0": (1, 1, 9)}
    shapes.update({f"batch_normalization_{i}/beta:0": (3,) for i in range(1, 14)})
    how = {"dense/kernel:0": dict(chunks=(4, 3), compression="gzip"),
           "batch_normalization/gamma:0": dict(chunks=(32,), compression="gzip", shuffle=True),
           "dense/bias:0": dict(chunks=(4,))}
    write(sys.argv[2], {n: value(s) for n, s in shapes.items()}, lambda n, _: how.get(n, {}))
    with h5py.File(sys.argv[2], "a") as f:
        f["dense"].create_dataset("dense/steps:0", data=np.arange(5))  # no float: left out
        f.create_group("optimizer_weights").create_dataset("adam/iter:0", data=value((2,)))
else:
    from safetensors.numpy import load_file

    weights = load_file(sys.argv[1])
    weights = {n: (w.astype(np.float32) / 128 if w.dtype == np.int8 else w) for n, w in weights.items()}
    gzip = dict(compression="gzip", shuffle=True, chunks=True)
    write(sys.argv[2], weights, lambda n, w: gzip if sys.argv[3:] == ["gzip"] and w.ndim else {})
