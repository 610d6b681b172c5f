"""Tables of the study from the records of its runs: python3 table.py RECORD_FOLDER > results.csv

RECORD_FOLDER holds one folder for each experiment of experiments/study (`tinyprec run experiments/study/X.toml --out RECORD_FOLDER/X`).
One line for each experiment and precision: final accuracy and its difference to float on the same seeds (means and half widths of 95 % Student t intervals, in
points), the share of updates that round to nothing, of stored weights that saturate, the gradient's mean absolute error in the first and last experience.
"""
import json
import pathlib
import sys

HEAD = ("experiment,strategy_or_stream,learning_rate,precision,seeds,accuracy_percent,accuracy_half_width,minus_float_points,minus_float_half_width,joint_percent,"
        "vanished_percent,saturated_percent,gradient_mape_first_percent,gradient_mape_last_percent,forgetting_points")


def number(x, scale=100.0):
    return "" if x is None else f"{x * scale:.2f}"


def mape(precision, experience):
    points = [p["mape"] for p in precision["seeds"][0]["fidelity"] if p["role"] == "gradient" and p["experience"] == experience and p["mape"] is not None]
    # The median: entries whose exact gradient is nearly zero have percentages without bound.
    return sorted(points)[len(points) // 2] if points else None


def main():
    print(HEAD)
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*/record.json")):
        record = json.loads(path.read_text())
        name = record["provenance"]["experiment"]
        rate = [line.split("=")[1].strip() for line in record["provenance"]["experiment_toml"].splitlines() if line.startswith("learning_rate")][0]
        last = len(record["stream"]["experience_classes"]) - 1
        joint = record["joint_upper_bound"]
        for p in record["precisions"]:
            minus, forgetting = p["minus_float"], p["forgetting"]
            stored = [o for o in p["overflows"] if o["site"].endswith("weights.master") and o["total"]]
            saturated = max((o["overflowed"] / o["total"] for o in stored), default=0.0)
            print(",".join([
                name, "-".join(name.split("-")[2:-1]), rate, p["name"], str(p["final_accuracy"]["n"]), number(p["final_accuracy"]["mean"]),
                number(p["final_accuracy"]["half_width_95"]), number(minus and minus["mean"]), number(minus and minus["half_width_95"]),
                number(joint and joint["mean"]), number(p["vanished_updates"]), number(saturated), number(mape(p, 0)), number(mape(p, last)),
                number(forgetting and forgetting["mean"])]))


if __name__ == "__main__":
    main()
