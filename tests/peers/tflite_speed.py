"""Latency of .tflite files in LiteRT (XNNPACK) and in tinyprec, one thread each, turn by turn.

    python3 -m venv venv && venv/bin/pip install ai-edge-litert==2.3.0 numpy
    venv/bin/python tests/peers/tflite_speed.py target/release/tinyprec FILE.tflite...

The two take turns within the same seconds, so that another program on the machine slows both; the least of each counts.
"""
import json
import subprocess
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

TURNS = 4


def invoked(net, times):
    """Milliseconds of `times` runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        net.invoke()
        found.append((time.perf_counter() - start) * 1e3)
    return found


for path in sys.argv[2:]:
    net = Interpreter(path, num_threads=1)
    net.allocate_tensors()
    x = net.get_input_details()[0]
    net.set_tensor(x["index"], np.zeros(x["shape"], x["dtype"]))
    invoked(net, 20)
    theirs, ours = [], []
    for _ in range(TURNS):
        theirs += invoked(net, 500)
        command = [sys.argv[1], "model", path, "--time", "--json"]
        ours.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["latency_ms"]["min"])
    print(f"{path}: LiteRT {min(theirs):.3f} ms, tinyprec {min(ours):.3f} ms, ratio {min(theirs) / min(ours):.2f}")
