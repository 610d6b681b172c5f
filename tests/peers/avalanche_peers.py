"""Avalanche's own strategies on the features of this folder's generator: accuracy matrices and CWR* weights.

Writes avalanche_peers.json. Needs avalanche-lib 0.6 with torch (CPU is enough): python3 avalanche_peers.py > avalanche_peers.json
Minibatches come in the order of the data (shuffle off) on both sides. Heads have no bias: Avalanche's CWR* plugin would consolidate the weights and
leave a bias as trained, ours calls that policy `as-trained`. Streaming LDA gives a class without a sample the score 0, so it can win; the script masks
such classes, as ours never predicts them.
"""
import json
import logging
import sys
import warnings

import torch

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

from avalanche.benchmarks import benchmark_from_datasets, with_classes_timeline
from avalanche.benchmarks.utils import _make_taskaware_classification_dataset
from avalanche.training.plugins import EvaluationPlugin, MASPlugin
from avalanche.training.supervised import CWRStar, EWC, LwF, Naive, StreamingLDA
from torch.utils.data import TensorDataset

CLASSES, FEATURES, BATCH, TRAIN, TEST = 6, 9, 10, 60, 500
EXPERIENCES = [[0, 1], [2, 3], [1, 4], [0, 5]]


class Lcg:
    def __init__(self, seed):
        self.state = seed

    def next(self, n):
        self.state = (self.state * 1664525 + 1013904223) % 2 ** 32
        return (self.state >> 16) % n


def samples(rng, classes, n):
    """Features are multiples of 1/16, so that f32 holds them exactly."""
    x, y = [], []
    for _ in range(n):
        label = classes[rng.next(len(classes))]
        x.append([(rng.next(33) - 16 + (14 if k % CLASSES == label else 0)) / 16 for k in range(FEATURES)])
        y.append(label)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


class Classified(TensorDataset):
    def __init__(self, x, y):
        super().__init__(x, y)
        self.targets = y.tolist()


class Head(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.classifier = torch.nn.Linear(FEATURES, CLASSES, bias=False)
        torch.nn.init.zeros_(self.classifier.weight)

    def forward(self, x):
        return self.classifier(x)


class Same(torch.nn.Module):
    def forward(self, x):
        return x


def accuracy(logits, y, seen):
    hidden = torch.full((CLASSES,), float("-inf"))
    hidden[sorted(seen)] = 0.0
    return float(((logits + hidden).argmax(1) == y).float().mean())


def run(name, build, mask):
    rng = Lcg(11)
    streams = [(samples(rng, c, TRAIN), samples(rng, c, TEST)) for c in EXPERIENCES]
    data = [_make_taskaware_classification_dataset(Classified(*train), task_labels=0) for train, _ in streams]
    stream = with_classes_timeline(benchmark_from_datasets(train=data)).train_stream
    model = Head()
    strategy = build(model)
    matrix, seen = [], set()
    for experience, classes in zip(stream, EXPERIENCES):
        strategy.train(experience, shuffle=False, num_workers=0)
        seen |= set(classes)
        row = []
        for _, (x, y) in streams:
            with torch.no_grad():
                logits = strategy.predict(x) if isinstance(strategy, StreamingLDA) else model(x)
            row.append(accuracy(logits, y, seen if mask else range(CLASSES)))
        matrix.append(row)
    weights = model.classifier.weight.detach().flatten().tolist()
    return {"name": name, "matrix": matrix, "weights": weights}


def common(model, rate, epochs):
    return dict(model=model, optimizer=torch.optim.SGD(model.parameters(), lr=rate), criterion=torch.nn.CrossEntropyLoss(),
                train_mb_size=BATCH, train_epochs=epochs, eval_mb_size=BATCH, evaluator=EvaluationPlugin())


def lda(model):
    return StreamingLDA(slda_model=Same(), criterion=torch.nn.CrossEntropyLoss(), input_size=FEATURES, num_classes=CLASSES,
                        shrinkage_param=1e-4, streaming_update_sigma=True, train_epochs=1, train_mb_size=BATCH, evaluator=EvaluationPlugin())


CASES = [
    ("cwr-star", lambda m: CWRStar(cwr_layer_name="classifier", **common(m, 0.1, 4)), False),
    ("naive", lambda m: Naive(**common(m, 0.1, 4)), False),
    ("ewc", lambda m: EWC(ewc_lambda=8.0, mode="separate", **common(m, 0.1, 4)), False),
    ("ewc-online", lambda m: EWC(ewc_lambda=8.0, mode="online", decay_factor=0.5, **common(m, 0.1, 4)), False),
    ("mas", lambda m: Naive(plugins=[MASPlugin(lambda_reg=0.2, alpha=0.5)], **common(m, 0.1, 4)), False),
    ("lwf", lambda m: LwF(alpha=1.0, temperature=2.0, **common(m, 0.1, 4)), False),
    ("slda", lda, True),
]

out, sys.stdout = sys.stdout, sys.stderr  # Avalanche prints its progress
cases = [run(*case) for case in CASES]
json.dump(cases, out)
out.write("\n")
