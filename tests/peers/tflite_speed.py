"""Latency of .tflite files in LiteRT (XNNPACK, one thread), to set beside `cargo bench --bench backbone` in the same minute.

    python3 -m venv venv && venv/bin/pip install ai-edge-litert==2.3.0 numpy
    venv/bin/python tests/peers/tflite_speed.py FILE.tflite...
"""
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

for path in sys.argv[1:]:
    net = Interpreter(path, num_threads=1)
    net.allocate_tensors()
    x = net.get_input_details()[0]
    net.set_tensor(x["index"], np.zeros(x["shape"], x["dtype"]))
    times = []
    for _ in range(220):
        start = time.perf_counter()
        net.invoke()
        times.append((time.perf_counter() - start) * 1e3)
    print(f"{path}: latency_ms {min(times[20:]):.3f}, median {sorted(times[20:])[100]:.3f}")
