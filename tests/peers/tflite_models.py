"""What TensorFlow Lite's reference kernels make of MLPerf Tiny's int8 networks: SHA-256 of all outputs, and the accuracy.

    venv/bin/python tests/peers/tflite_models.py DATA > tests/peers/tflite_models.json

DATA holds mlperf_tiny/ and cifar10/ (CONTRIBUTING.md). Needs what tflite_ops.py needs. The person-detection network has no data
set here; it reads images drawn by a 32-bit linear congruential generator.
"""
import hashlib
import json
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

DATA = sys.argv[1]


def run(model, images, labels):
    it = Interpreter(f"{DATA}/mlperf_tiny/{model}", experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1)
    it.allocate_tensors()
    i, o = it.get_input_details()[0], it.get_output_details()[0]
    digest, correct = hashlib.sha256(), 0
    for n, image in enumerate(images):
        it.set_tensor(i["index"], image.reshape(i["shape"]))
        it.invoke()
        y = it.get_tensor(o["index"])[0]
        digest.update(y.tobytes())
        correct += labels is not None and int(y.argmax()) == labels[n]
    return {"images": len(images), "sha256": digest.hexdigest(), "correct": int(correct)}


def draw(count, size):
    """Bytes 16 to 23 of x ← 1664525·x + 1013904223, from x = 1."""
    x, out = 1, np.empty(count * size, np.uint8)
    for k in range(count * size):
        x = (1664525 * x + 1013904223) & 0xFFFFFFFF
        out[k] = x >> 16 & 0xFF
    return out.view(np.int8).reshape(count, size)


kws = np.fromfile(f"{DATA}/mlperf_tiny/kws01_994.bin", np.int8).reshape(-1, 491)
cifar = np.fromfile(f"{DATA}/cifar10/test_10000.bin", np.uint8).reshape(-1, 3073)
pixels = (cifar[:, 1:].reshape(-1, 3, 1024).transpose(0, 2, 1) ^ 0x80).copy().view(np.int8)
found = {
    "kws_ref_model.tflite": run("kws_ref_model.tflite", kws[:, 1:].copy(), kws[:, 0]),
    "pretrainedResnet_quant.tflite": run("pretrainedResnet_quant.tflite", pixels, cifar[:, 0]),
    "pretrainedResnet_quant.tflite, first 200": run("pretrainedResnet_quant.tflite", pixels[:200], cifar[:200, 0]),
    "vww_96_int8.tflite": run("vww_96_int8.tflite", draw(8, 96 * 96 * 3), None),
}
print(json.dumps(found, indent=1))
