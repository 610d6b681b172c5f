"""The head's training loop in PyTorch, on features of the size of CIFAR-100's: seconds of one whole stream.

10 experiences of 10 classes, 1,000 samples of 512 features each, 10 epochs in the first and 5 in each later one, CWR*'s reset before and merge after
each experience. `tight` slices minibatches out of one shuffled tensor; `loader` is torch's own DataLoader over a TensorDataset. Both run SGD without
momentum on a bias-free nn.Linear under cross-entropy. With --ours PATH (the built example `head_stream`) both loops and every preset run in turn, on one thread
and on two, and the ratios of each side's better number of threads are printed by wall clock (the best of all rounds).
Run: python3 head_speed.py [--batch 32] [--threads 1] [--repeat 3] [--loader] [--ours ../../target/release/examples/head_stream]
"""
import argparse
import json
import subprocess
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

CLASSES, FEATURES, EXPERIENCES, SAMPLES = 100, 512, 10, 1000


def batches(x, y, batch, loader):
    if loader:
        yield from DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=True)
        return
    order = torch.randperm(len(x))
    for at in range(0, len(x), batch):
        rows = order[at:at + batch]
        yield x[rows], y[rows]


def stream(x, y, batch, loader):
    layer = torch.nn.Linear(FEATURES, CLASSES, bias=False)
    consolidated, past = torch.zeros(CLASSES, FEATURES), torch.zeros(CLASSES)
    per = CLASSES // EXPERIENCES
    for experience in range(EXPERIENCES):
        here = slice(experience * SAMPLES, (experience + 1) * SAMPLES)
        current = torch.arange(experience * per, (experience + 1) * per)
        with torch.no_grad():
            layer.weight.zero_()
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.01)
        for _ in range(10 if experience == 0 else 5):
            for a, t in batches(x[here], y[here], batch, loader):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(layer(a), t).backward()
                optimiser.step()
        with torch.no_grad():
            rows = layer.weight[current]
            counts = torch.bincount(y[here], minlength=CLASSES)[current].float()
            weight = (past[current] / counts).sqrt().unsqueeze(1)
            consolidated[current] = (consolidated[current] * weight + rows - rows.mean()) / (weight + 1)
            past[current] += counts
    return consolidated


def ours(path, preset, batch, threads):
    """Seconds of the best of three streams."""
    text = subprocess.run([path, preset, str(batch), "3", str(threads)], stdout=subprocess.PIPE, text=True, check=True).stdout
    return json.loads(text)["seconds"]


def compare(given, x, y):
    """Both sides on one thread and on two, in turn; each side's better number of threads counts."""
    presets = ["hybrid-8", "hybrid-16", "hybrid-32", "paper-8", "paper-16", "paper-32", "float"]
    best = {}

    def note(name, took):
        best[name] = min(best.get(name, took), took)

    for _ in range(given.repeat):
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for loop in ("tight", "loader"):
                start = time.perf_counter()
                stream(x, y, given.batch, loop == "loader")
                note((loop, threads), time.perf_counter() - start)
            for preset in presets:
                note((preset, threads), ours(given.ours, preset, given.batch, threads))

    def row(name):
        return {"seconds_1": round(best[name, 1], 4), "seconds_2": round(best[name, 2], 4)}

    print(json.dumps({"torch": torch.__version__, "batch": given.batch, "tight": row("tight"), "loader": row("loader")}))
    for name in presets:
        own, tight, loader = (min(best[n, 1], best[n, 2]) for n in (name, "tight", "loader"))
        print(json.dumps({"preset": name, **row(name), "faster_by": round(tight / own, 2), "faster_than_loader_by": round(loader / own, 2)}))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--loader", action="store_true")
    options.add_argument("--ours")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(1)
    y = torch.arange(EXPERIENCES * SAMPLES) // (EXPERIENCES * SAMPLES // CLASSES)
    x = torch.randn(len(y), FEATURES) + 0.5 * torch.randn(CLASSES, FEATURES)[y]
    if given.ours:
        compare(given, x, y)
        return
    best = None
    for _ in range(given.repeat):
        start = time.perf_counter()
        stream(x, y, given.batch, given.loader)
        took = time.perf_counter() - start
        best = took if best is None else min(best, took)
    print(json.dumps({"torch": torch.__version__, "batch": given.batch, "threads": given.threads,
                      "loop": "loader" if given.loader else "tight", "seconds": round(best, 4)}))


if __name__ == "__main__":
    main()
