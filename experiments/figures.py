#!/usr/bin/env python3
"""Prints the tables of docs/results.md from the runs that experiments/run_all.sh made in a folder."""
import glob, json, os, re, statistics, sys

out = sys.argv[1]
runs = {}
for path in sorted(glob.glob(f"{out}/*-seed*/results.json")):
    folder = os.path.dirname(path)
    name, seed = re.fullmatch(r"(.*)-seed(\d+)", os.path.basename(folder)).groups()
    runs.setdefault(name, []).append((int(seed), folder, json.load(open(path))))


def read(path):
    return open(path).read() if os.path.exists(path) else ""


def spread(x):
    return f"{statistics.mean(x):.4f} ± {statistics.stdev(x):.4f}" if len(x) > 1 else f"{x[0]:.4f}"


def wanted(score):
    return re.fullmatch(r"(naive_bayes\.)?test\.(accuracy|f1\.(spam|macro)\.f1)", score)


for name, each in sorted(runs.items()):
    each.sort()
    first = each[0][1]
    parameters = re.search(r"^parameters: (\d+)", read(f"{first}/check"), re.M)
    print(f"\n### {name}\n")
    print("| score | " + " | ".join(f"seed {s}" for s, _, _ in each) + " | mean ± sd |")
    print("| --- |" + " ---: |" * (len(each) + 1))
    for score in each[0][2]["scores"]:
        if not wanted(score):
            continue
        x = [r["scores"][score] for _, _, r in each]
        if None not in x:
            print(f"| {score} | " + " | ".join(f"{v:.4f}" for v in x) + f" | {spread(x)} |")
    walls = [float(read(f"{f}/wall").split()[0]) for _, f, _ in each if read(f"{f}/wall")]
    threads = read(f"{first}/wall").split()[1:2]
    lock = json.load(open(f"{first}/lock.json"))
    print(f"\n{parameters[1] if parameters else '?'} parameters; {statistics.mean(walls):.0f} s a run" if walls else "\n", end="")
    print(f" on {' '.join(threads)} threads of {lock['processor']}, x86-64-v{lock['isa']}; "
          f"steps {', '.join(str(r['step']) for _, _, r in each)}")
for path in sorted(glob.glob(f"{out}/parity-*.txt")):
    print(f"\n### PyTorch beside it: {os.path.basename(path)[7:-4]}\n\n```\n{read(path)}```")
