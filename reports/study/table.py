"""Tables of the study from the records of its runs.

    python3 table.py RECORD_FOLDER > results.csv            one line a cell
    python3 table.py RECORD_FOLDER --steps > steps.csv      the mechanism by step, first seed

RECORD_FOLDER holds one folder for each experiment of experiments/study (`tinyprec run experiments/study/X.toml --out RECORD_FOLDER/X`).
results.csv has one line for each experiment and precision: final accuracy and its difference to float on the same seeds (means and half widths of 95 %
Student t intervals, in points), the share of updates that round to nothing, of stored weights that saturate, the gradient's mean absolute error in the
first and last experience, and one code of the stored weights after the first and the last recorded step. steps.csv has, at about twenty steps of a run,
the share of updates below half a code, that code, and the gradient's relative error.
"""
import json
import pathlib
import sys

HEAD = ("experiment,strategy_or_stream,learning_rate,precision,seeds,accuracy_percent,accuracy_half_width,minus_float_points,minus_float_half_width,joint_percent,"
        "vanished_percent,saturated_percent,gradient_mape_first_percent,gradient_mape_last_percent,forgetting_points,lsb_first,lsb_last")
STEPS = "experiment,precision,step,experience,vanished_percent,lsb,gradient_relative_l2_percent"
TRACED = ("hybrid-8", "hybrid-10", "hybrid-12", "hybrid-16", "hybrid-8-stochastic", "hybrid-8-dynamic-range", "paper-8", "paper-16")


def number(x, scale=100.0):
    return "" if x is None else f"{x * scale:.2f}"


def role(precision, name):
    return [p for p in precision["seeds"][0]["fidelity"] if p["role"] == name]


def mape(precision, experience):
    points = [p["mape"] for p in role(precision, "gradient") if p["experience"] == experience and p["mape"] is not None]
    # The median: entries whose exact gradient is nearly zero have percentages without bound.
    return sorted(points)[len(points) // 2] if points else None


def codes(precision):
    """One code of the stored weights after the first and the last recorded step."""
    found = [p["lsb"] for p in role(precision, "weights.master") if p.get("lsb") is not None]
    return [f"{found[0]:.3g}", f"{found[-1]:.3g}"] if found else ["", ""]


def cells(record):
    name = record["provenance"]["experiment"]
    rate = [line.split("=")[1].strip() for line in record["provenance"]["experiment_toml"].splitlines() if line.startswith("learning_rate")][0]
    last = len(record["stream"]["experience_classes"]) - 1
    joint = record["joint_upper_bound"]
    for p in record["precisions"]:
        minus, forgetting = p["minus_float"], p["forgetting"]
        stored = [o for o in p["overflows"] if o["site"].endswith("weights.master") and o["total"]]
        saturated = max((o["overflowed"] / o["total"] for o in stored), default=0.0)
        yield [
            name, "-".join(name.split("-")[2:-1]), rate, p["name"], str(p["final_accuracy"]["n"]), number(p["final_accuracy"]["mean"]),
            number(p["final_accuracy"]["half_width_95"]), number(minus and minus["mean"]), number(minus and minus["half_width_95"]),
            number(joint and joint["mean"]), number(p["vanished_updates"]), number(saturated), number(mape(p, 0)), number(mape(p, last)),
            number(forgetting and forgetting["mean"]), *codes(p)]


def steps(record):
    for p in record["precisions"]:
        if p["name"] not in TRACED:
            continue
        updates = role(p, "update")
        of = {name: {q["step"]: q for q in role(p, name)} for name in ("weights.master", "gradient")}
        for q in updates[::max(len(updates) // 20, 1)]:
            weights, gradient = of["weights.master"].get(q["step"]), of["gradient"].get(q["step"])
            yield [record["provenance"]["experiment"], p["name"], str(q["step"]), str(q["experience"]), number(q["vanished"]),
                   f"{weights['lsb']:.3g}" if weights and weights.get("lsb") else "", number(gradient and gradient["relative_l2"])]


def main():
    by_step = "--steps" in sys.argv[2:]
    print(STEPS if by_step else HEAD)
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*/record.json")):
        record = json.loads(path.read_text())
        for line in (steps if by_step else cells)(record):
            print(",".join(line))


if __name__ == "__main__":
    main()
