#!/usr/bin/env python3
"""Trains an experiment with Tenon and with PyTorch on the same batches, several seeds each, and compares the means.

    python tests/parity/torch_parity.py experiments/trec.toml --seeds 5 --out /tmp/parity-trec

`tenon batches` writes what the network is fed: ids, the order of the examples of each epoch, and how each parameter
is first drawn. PyTorch gets the same examples in the same order and grouping and draws its own first values from the
same distributions (--first same: it starts from Tenon's very values, which makes the first steps agree). The verdict
is on the means: |a - b| <= 2 sqrt(sa^2 / n + sb^2 / n). Needs PyTorch, nowhere else used. What is done already in
--out is not done again, so an interrupted comparison goes on where it was. --curve: the validation split after each epoch as
well; --judge CHECKPOINT: nothing is trained, PyTorch judges the weights that Tenon wrote.

The network is read from the experiment: embedding, one_hot, lstm, gru, bilstm, bidirectional ones, dense, dropout, last, mean, max,
repeat, attention_decoder in a DAG, one loss. What is compared is the accuracy on the test split, its mean squared error where
that is the loss, or the perplexity: of a language model, whose states go on from batch to batch, of a decoder on the words
that the metric's `feed` says.
A key that this script does not know is an error, for a silent difference would make the comparison worthless.
"""
import argparse, contextlib, json, math, os, subprocess, sys, time, tomllib
import numpy as np
import torch
from torch import nn
from torch_network import Network, first_values
from torch_rows import Rows, only

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


# ---- data -------------------------------------------------------------------------------------------------------
class Data:
    """What `tenon batches` wrote."""

    def __init__(self, folder):
        self.folder = folder
        with open(f"{folder}/data.json") as f:
            self.info = json.load(f)
        with open(f"{folder}/config.toml", "rb") as f:
            self.config = tomllib.load(f)
        self.order = np.load(f"{folder}/order.npy")
        self.field = {f["name"]: f for f in self.info["fields"]}
        self.weights = {}

    def split(self, split, name):
        """begin (None: one value an example) and ids [leaves] or numbers [leaves, width]."""
        stem = f"{self.folder}/{split}.{name}"
        begin = np.load(f"{stem}.begin.npy") if os.path.exists(f"{stem}.begin.npy") else None
        return begin, np.load(f"{stem}.id.npy" if os.path.exists(f"{stem}.id.npy") else f"{stem}.real.npy")

    def first(self, parameter):
        """A parameter's first values; of a checkpoint, once take_weights() has read one."""
        if parameter in self.weights:
            return self.weights[parameter]
        return np.load(f"{self.folder}/first.{parameter}.npy")

    def take_weights(self, checkpoint):
        """Those of one of Tenon's checkpoints (safetensors: 8 bytes of length, JSON, numbers)."""
        with open(checkpoint, "rb") as f:
            raw = f.read()
        begin = 8 + int.from_bytes(raw[:8], "little")
        for name in (p["name"] for p in self.info["parameters"]):
            at, end = json.loads(raw[8:begin])[name]["data_offsets"]
            self.weights[name] = np.frombuffer(raw[begin + at:begin + end], np.float32)


def padded(begin, ids, examples):
    """[B, T] ids, or [B, T, W] numbers, with zeros behind each sequence, and lengths [B]."""
    length = (begin[examples + 1] - begin[examples]).astype(np.int64)
    steps = max(1, int(length.max()))
    at = begin[examples][:, None] + np.arange(steps)[None, :]
    mask = np.arange(steps)[None, :] < length[:, None]
    if ids.ndim == 2:
        x = ids[np.minimum(at, len(ids) - 1)] * mask[:, :, None]
        return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(length)
    x = np.where(mask, ids[np.minimum(at, len(ids) - 1)] if len(ids) else 0, 0)
    return torch.from_numpy(x.astype(np.int64)), torch.from_numpy(length)


# ---- training -----------------------------------------------------------------------------------------------------
def optimizer_of(t, parameters):
    """One optimizer of a table; weight decay leaves vectors (biases) alone."""
    rate, decay = t.get("learning_rate", 1e-3), t.get("weight_decay", 0.0)
    parameters = [dict(params=[p for p in parameters if p.dim() > 1], weight_decay=decay),
                  dict(params=[p for p in parameters if p.dim() == 1], weight_decay=0.0)]
    parameters = [g for g in parameters if g["params"]]
    if t["type"] == "adam":
        only(t, {"type", "learning_rate", "weight_decay", "beta1", "beta2", "epsilon"}, "[optimizer]")
        return torch.optim.Adam(parameters, lr=rate, betas=(t.get("beta1", 0.9), t.get("beta2", 0.999)),
                                eps=t.get("epsilon", 1e-8))
    if t["type"] == "sgd":
        only(t, {"type", "learning_rate", "weight_decay", "momentum", "nesterov"}, "[optimizer]")
        return torch.optim.SGD(parameters, lr=rate, momentum=t.get("momentum", 0.0), nesterov=t.get("nesterov", False))
    if t["type"] == "adagrad":
        only(t, {"type", "learning_rate", "weight_decay"}, "[optimizer]")
        return torch.optim.Adagrad(parameters, lr=rate)
    if t["type"] == "rmsprop":
        only(t, {"type", "learning_rate", "weight_decay", "alpha", "epsilon"}, "[optimizer]")
        return torch.optim.RMSprop(parameters, lr=rate, alpha=t.get("alpha", 0.99), eps=t.get("epsilon", 1e-8))
    if t["type"] == "adadelta":
        only(t, {"type", "learning_rate", "weight_decay", "rho", "epsilon"}, "[optimizer]")
        return torch.optim.Adadelta(parameters, lr=rate, rho=t.get("rho", 0.9), eps=t.get("epsilon", 1e-6))
    sys.exit(f"optimizer '{t['type']}' is not translated")


def optimizers_of(c, named):
    """Those of the file's [[group]]s, each named by layers without wildcards, and of all the rest."""
    left, made = dict(named), []
    for t in c.get("group", []):
        only(t, {"name", "layers", "type", "learning_rate", "weight_decay"}, "[[group]]")
        layers = t["layers"] if isinstance(t["layers"], list) else [t["layers"]]
        mine = [n for n in left if n.split(".")[0] in layers]
        keys = {k: v for k, v in t.items() if k not in ("name", "layers")}
        made.append(optimizer_of({**({} if "type" in t else c["optimizer"]), **keys}, [left.pop(n) for n in mine]))
    return made + [optimizer_of(c["optimizer"], list(left.values()))]


def factor_of(c):
    """What [schedule] makes of the rates in an epoch, from 1."""
    t = c.get("schedule", {"type": "constant"})
    if t["type"] == "constant":
        return lambda epoch: 1.0
    if t["type"] == "exponential" and t.get("per") == "epoch":
        only(t, {"type", "factor", "start", "per"}, "[schedule]")
        return lambda epoch: t["factor"] ** max(0, epoch - t.get("start", 0))
    sys.exit(f"[schedule] {t['type']} is not translated")


FIGURES = ("mse", "perplexity", "perplexity_own", "perplexity_taught", "accuracy")  # what is compared: the first that an
                                                                                   # experiment measures


def figures_of(config):
    """Name of each figure that an experiment measures -> whether a decoder feeds itself for it."""
    measured = {m.get("name", m["type"]): m.get("feed", "teacher") == "own" for m in config.get("metric", [])}
    if config["loss"][0]["type"] == "mse":
        measured["mse"] = False
    return {f: measured[f] for f in FIGURES if f in measured}


class Judged:
    """A network with what it is fed and judged by: its examples, its loss, the figures of a split."""

    def __init__(self, data, network):
        c = self.config = data.config
        if len(c["loss"]) != 1:
            sys.exit("one loss is translated, not several")
        self.network, self.target, kind = network, c["loss"][0]["target"], c["loss"][0]["type"]
        self.splits = {s: {n: data.split(s, n) for n in network.fields + [self.target]}
                       for s in ("train", "validation", "test") if data.info["examples"].get(s)}
        self.examples = data.info["examples"]
        self.by_steps = self.splits["train"][self.target][0] is not None
        self.reduction = c["loss"][0].get("reduction", "mean")
        if self.reduction not in ("mean", "sum_steps_mean_batch"):
            sys.exit(f"reduction '{self.reduction}' is not translated")
        self.batch = c.get("evaluation", {}).get("batch_size", data.info["batch_size"])
        self.binary, self.numbers = kind == "binary_cross_entropy", kind == "mse"

    def loss(self, y, wanted):
        if self.by_steps:
            total = nn.functional.cross_entropy(y.flatten(0, 1), wanted.flatten(), ignore_index=-1, reduction="sum")
            return total / (len(y) if self.reduction == "sum_steps_mean_batch" else int((wanted >= 0).sum()))
        if self.numbers:
            return nn.functional.mse_loss(y, wanted)
        return (nn.functional.binary_cross_entropy_with_logits(y[:, 0], wanted.float()) if self.binary
                else nn.functional.cross_entropy(y, wanted))

    def fed(self, split, examples, own=False):
        rows = self.splits[split]
        inputs = {n: Rows(*padded(*rows[n], examples)) for n in self.network.fields}
        if self.by_steps:
            wanted, length = padded(*rows[self.target], examples)
            return self.network(inputs, own), wanted.masked_fill(torch.arange(wanted.shape[1])[None, :] >= length[:, None], -1)
        wanted = rows[self.target][1][examples]
        return self.network(inputs, own), torch.from_numpy(wanted if self.numbers else wanted.astype(np.int64))

    def figures(self, split):
        """FIGURES of a split that the experiment measures, and its loss."""
        self.network.eval()
        figures, compared = {}, figures_of(self.config)
        for own in sorted({*compared.values(), False}):
            self.network.forget()
            right, total, counted, n = 0, 0.0, 0, self.examples[split]
            with torch.no_grad():
                for at in range(0, n, self.batch):
                    y, wanted = self.fed(split, np.arange(at, min(n, at + self.batch)), own)
                    guess = (y[:, 0] > 0).long() if self.binary else y if self.numbers else y.argmax(-1)
                    right += int((guess == wanted).sum())
                    weight = int((wanted >= 0).sum()) if self.by_steps else len(wanted)
                    total += self.loss(y, wanted).item() * (len(y) if self.by_steps and self.reduction != "mean" else weight)
                    counted += weight
            perplexity = math.exp(min(total / counted, 700))
            got = {"accuracy": right / counted, "mse": total / counted} | {f: perplexity for f in FIGURES if f.startswith("perplexity")}
            figures |= {k: got[k] for k, feeds_itself in compared.items() if feeds_itself == own}
            if not own:
                figures["loss"] = total / (n if self.by_steps and self.reduction != "mean" else counted)
        return figures


def train(data, seed, how, curve):
    """One run of PyTorch: figures of the test split after the last epoch, and of each epoch the mean training loss and, for a
    curve, the figures of the validation split."""
    torch.manual_seed(seed)
    c = data.config
    if "regularizer" in c:
        sys.exit("[regularizer] is not translated")
    for stop in c.get("stop", []):
        sys.exit(f"[[stop]] {stop['type']} is not translated: compare with a fixed number of epochs")
    if c.get("training", {}).get("max_steps"):
        sys.exit("training.max_steps is not translated: compare whole epochs")
    network = Network(data)
    size = first_values(network, data, how, seed)
    if size != data.info["values"]:
        sys.exit(f"{size} parameters here, {data.info['values']} in Tenon")
    judged, batch = Judged(data, network), data.info["batch_size"]
    if curve and "validation" not in judged.splits:
        sys.exit("--curve: the experiment has no validation split")
    optimizers, factor = optimizers_of(c, network.by_name()), factor_of(c)
    clip, bound = c.get("gradient", {}).get("clip_norm", 0), c.get("gradient", {}).get("clip_value", 0)
    epochs, rates = [], [[g["lr"] for g in o.param_groups] for o in optimizers]
    for epoch in range(data.info["epochs"]):
        network.train()
        network.forget()
        for optimizer, rate in zip(optimizers, rates):
            for group, r in zip(optimizer.param_groups, rate):
                group["lr"] = r * factor(epoch + 1)
        total = 0.0
        for at in range(0, data.order.shape[1], batch):
            examples = data.order[epoch, at:at + batch]
            loss = judged.loss(*judged.fed("train", examples))
            network.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            if bound:
                nn.utils.clip_grad_value_(network.parameters(), bound)
            for optimizer in optimizers:
                optimizer.step()
            total += loss.item() * len(examples)
        epochs.append({"train.loss": total / data.order.shape[1]})
        if curve:
            epochs[-1] |= {f"validation.{f}": v for f, v in judged.figures("validation").items()}
            print(f"seed {seed}, epoch {epoch + 1}, PyTorch: {epochs[-1]}", flush=True)
    return judged.figures("test") | {"epochs": epochs}


# ---- both -----------------------------------------------------------------------------------------------------------
def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout


def of_tenon(a, seed, sets):
    path = f"{a.out}/tenon-{seed}.json"
    if not os.path.exists(path):
        began = time.time()
        folder = f"{a.out}/tenon-{seed}-{int(began)}"
        out = run([a.tenon, "train", a.experiment, "--set", f"seed={seed}", *sets, "--threads", str(a.threads), "--run", folder, "--json"])
        scores = json.loads(out[out.index("{"):])
        with open(f"{folder}/results.json") as f:
            ended = json.load(f)
        with open(f"{folder}/config.toml", "rb") as f:
            kept = tomllib.load(f).get("evaluation", {}).get("weights", "best")
        if kept == "best" and ended["best_step"] not in (0, ended["step"]):
            sys.exit(f"seed {seed}: Tenon kept the weights of step {ended['best_step']}, and PyTorch here those of the last one, "
                     f"{ended['step']}: add --set evaluation.weights=last")
        figures = {f: scores[f"test.{f}"] for f in FIGURES if f"test.{f}" in scores} or {"mse": scores["test.loss"]}
        with open(f"{folder}/metrics.jsonl") as f:
            epochs = [json.loads(line) for line in f]
        with open(path, "w") as f:
            json.dump({**figures, "loss": scores["test.loss"], "seconds": time.time() - began, "epochs": epochs}, f)
    return json.load(open(path))


@contextlib.contextmanager
def batches(a, name, sets):
    """What `tenon batches` writes, gone afterwards."""
    folder = f"{a.out}/batches-{name}"
    run([a.tenon, "batches", a.experiment, folder, *sets])
    yield Data(folder)
    for file in os.listdir(folder):
        os.remove(f"{folder}/{file}")
    os.rmdir(folder)


def of_torch(a, seed, sets):
    path = f"{a.out}/torch-{seed}.json"
    if not os.path.exists(path):
        with batches(a, seed, ["--set", f"seed={seed}", *sets]) as data:
            began = time.time()
            result = train(data, seed, a.first, a.curve)
        with open(path, "w") as f:
            json.dump({**result, "seconds": time.time() - began}, f)
    return json.load(open(path))


def print_curve(figure, ours, theirs):
    """Mean training loss and, with --curve, the validation split's figure after each epoch."""
    for epoch, (o, t) in enumerate(zip(ours.get("epochs", []), theirs.get("epochs", [])), 1):
        both = [k for k in ("train.loss", "validation.loss", f"validation.{figure}") if k in o and k in t]
        print(f"    epoch {epoch}: " + "; ".join(f"{k} Tenon {o[k]:.4f}, PyTorch {t[k]:.4f}" for k in both))


def judge(a, sets):
    """What PyTorch makes of one of Tenon's checkpoints."""
    with batches(a, "judged", sets) as data:
        data.take_weights(a.judge)
        network = Network(data)
        first_values(network, data, "same", 0)
        judged = Judged(data, network)
        for split in ("validation", "test"):
            if split in judged.splits:
                print(f"{split}: " + ", ".join(f"{k} {v:.6f}" for k, v in judged.figures(split).items()))


def mean_and_error(x):
    return float(np.mean(x)), float(np.std(x, ddof=1) / math.sqrt(len(x))) if len(x) > 1 else math.nan


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("experiment")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--first-seed", type=int, default=1, metavar="N", help="with --seeds K: seeds N to N + K - 1")
    p.add_argument("--out", required=True, help="folder for runs and figures")
    p.add_argument("--tenon", default=f"{ROOT}/build/tenon")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--first", choices=("own", "same"), default="own", help="first values: drawn here, or Tenon's")
    p.add_argument("--curve", action="store_true", help="judge PyTorch on the validation split after each epoch as well")
    p.add_argument("--judge", metavar="CHECKPOINT", help="train nothing: judge weights that Tenon wrote, in PyTorch")
    p.add_argument("--set", action="append", default=[], metavar="K=V")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    sets = [x for s in a.set for x in ("--set", s)]
    if a.judge:
        judge(a, sets)
        return
    ours, theirs, losses = [], [], []
    for seed in range(a.first_seed, a.first_seed + a.seeds):
        t, o = of_torch(a, seed, sets), of_tenon(a, seed, sets)
        figure = next(f for f in FIGURES if f in t and f in o)
        ours.append(o[figure]), theirs.append(t[figure])
        losses += [o["loss"] - t["loss"]] if "loss" in o and "loss" in t else []  # both were kept
        print(f"seed {seed}: test {figure} Tenon {ours[-1]:.4f} ({o['seconds']:.0f} s), "
              f"PyTorch {theirs[-1]:.4f} ({t['seconds']:.0f} s)", flush=True)
        print_curve(figure, o, t)
    (m, s), (n, r) = mean_and_error(ours), mean_and_error(theirs)
    gap, allowed = abs(m - n), 2 * math.hypot(s, r)
    if len(ours) < 2:
        sys.exit("two seeds at least tell how much is chance")
    print(f"mean and standard error: Tenon {m:.4f} +- {s:.4f}, PyTorch {n:.4f} +- {r:.4f}")
    if losses:
        print("difference of the test losses, seed by seed: {:+.4f} +- {:.4f}".format(*mean_and_error(losses)))
    print(f"difference {m - n:+.4f}, two standard errors {allowed:.4f}: {'parity' if gap <= allowed else 'NO PARITY'}")
    sys.exit(0 if gap <= allowed else 1)


if __name__ == "__main__":
    main()
