"""AMCA and the other figures of an accuracy matrix, from the record's raw accuracies alone and in exact fractions.

Definitions are Avalanche's (docs/data.md §4), written here from the text and not from the library's code. The test sets of the study hold each class
equally often, so AMCA (the mean over time of the mean class accuracy) must be the mean over time of the accuracy over the test stream.
Run: python3 amca.py records/*/record.json        exit status 1 where any figure differs by more than 1e-12
"""
import json
import sys
from fractions import Fraction


def figures(matrix):
    n = len(matrix)
    mean = lambda x: sum(x, Fraction(0)) / len(x)
    forgetting = mean([matrix[j][j] - matrix[n - 1][j] for j in range(n - 1)]) if n > 1 else Fraction(0)
    return {"average_accuracy": mean(matrix[-1]), "forgetting": forgetting, "backward_transfer": -forgetting, "amca": mean([mean(row) for row in matrix])}


def main():
    worst, cells = 0.0, 0
    for path in sys.argv[1:]:
        with open(path) as file:
            record = json.load(file)
        for precision in record["precisions"]:
            seeds = [figures([[Fraction(x) for x in row] for row in seed["accuracy"]]) for seed in precision["seeds"]]
            for name in seeds[0]:
                own, given = float(sum(s[name] for s in seeds) / len(seeds)), {**precision["metrics"], "forgetting": precision["forgetting"]}[name]["mean"]
                if abs(own - given) > 1e-12:
                    print(f"{path}: {precision['name']}: {name} {given} is {own} here")
                worst = max(worst, abs(own - given))
            cells += 1
    print(f"{cells} cells, largest difference {worst:.1e}")
    sys.exit(worst > 1e-12 or cells == 0)


if __name__ == "__main__":
    main()
