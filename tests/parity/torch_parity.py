#!/usr/bin/env python3
"""Trains an experiment with Tenon and with PyTorch on the same batches, several seeds each, and compares the means.

    python tests/parity/torch_parity.py experiments/trec.toml --seeds 5 --out /tmp/parity-trec

`tenon batches` writes what the network is fed: ids, the order of the examples of each epoch, and how each parameter
is first drawn. PyTorch gets the same examples in the same order and grouping and draws its own first values from the
same distributions (--first same: it starts from Tenon's very values, which makes the first steps agree). The verdict
is on the means: |a - b| <= 2 sqrt(sa^2 / n + sb^2 / n). Needs PyTorch, nowhere else used. What is done already in
--out is not done again, so an interrupted comparison goes on where it was.

The network is read from the experiment: embedding, one_hot, lstm, bilstm, bidirectional lstm, dense, dropout, last, mean, max in a
DAG, one loss. What is compared is the accuracy on the test split, its mean squared error where that is the loss, or the
perplexity of a language model, whose states go on from batch to batch.
A key that this script does not know is an error, for a silent difference would make the comparison worthless.
"""
import argparse, json, math, os, subprocess, sys, time, tomllib
import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def only(table, known, what):
    """Complains about keys that are not translated."""
    for key in table:
        if key not in known:
            sys.exit(f"{what}: '{key}' is not translated to PyTorch by this script")


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

    def split(self, split, name):
        """begin (None: one value an example) and ids [leaves] or numbers [leaves, width]."""
        stem = f"{self.folder}/{split}.{name}"
        begin = np.load(f"{stem}.begin.npy") if os.path.exists(f"{stem}.begin.npy") else None
        return begin, np.load(f"{stem}.id.npy" if os.path.exists(f"{stem}.id.npy") else f"{stem}.real.npy")

    def first(self, parameter):
        return np.load(f"{self.folder}/first.{parameter}.npy")


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


# ---- layers -----------------------------------------------------------------------------------------------------
class Rows:
    """Steps of sequences: value [B, T, W], length [B]; without steps length is None."""

    def __init__(self, value, length=None):
        self.value, self.length = value, length


def mask_of(x):
    return (torch.arange(x.value.shape[1])[None, :] < x.length[:, None]).unsqueeze(2)


def reversed_rows(x):
    """Each sequence from its own end: [B, T, W]; what is behind stays where it is."""
    t = torch.arange(x.value.shape[1])[None, :]
    index = torch.where(t < x.length[:, None], x.length[:, None] - 1 - t, t)
    return torch.gather(x.value, 1, index.unsqueeze(2).expand_as(x.value))


def last_row(x):
    index = (x.length - 1).clamp(min=0)[:, None, None].expand(-1, 1, x.value.shape[2])
    return torch.gather(x.value, 1, index).squeeze(1) * (x.length > 0).unsqueeze(1)


class Embedding(nn.Module):
    def __init__(self, t, width_in, classes, size):
        super().__init__()
        only(t, {"name", "type", "inputs", "width", "dropout", "initializers"}, t["name"])
        self.weight = nn.Parameter(torch.zeros(classes, t["width"]))
        self.drop = nn.Dropout(t.get("dropout", 0.0))
        self.width = t["width"]

    def forward(self, x):
        return {"": Rows(self.drop(nn.functional.embedding(x.value, self.weight)), x.length)}


class OneHot(nn.Module):
    def __init__(self, t, width_in, classes, size):
        super().__init__()
        only(t, {"name", "type", "inputs"}, t["name"])
        self.width = classes

    def forward(self, x):
        return {"": Rows(nn.functional.one_hot(x.value, self.width).float(), x.length)}


class Recurrent(nn.Module):
    """lstm, bilstm and a bidirectional lstm over one nn.LSTM a layer and direction; one bias (the second one of PyTorch stays
    zero). The directions of a bidirectional one may share their parameters."""

    def __init__(self, t, width_in, classes, size):
        super().__init__()
        self.shared = t.get("shared", False)
        if t["type"] == "bidirectional":
            only(t, {"name", "type", "inputs", "cell", "shared"}, t["name"])
            only(t["cell"], {"type", "units"}, f"{t['name']}.cell")
            if t["cell"]["type"] != "lstm":
                sys.exit(f"{t['name']}: a bidirectional '{t['cell']['type']}' is not translated")
            t = dict(t, units=t["cell"]["units"])
        else:
            only(t, {"name", "type", "inputs", "units", "layers", "dropout", "forget_bias", "initializers", "carry_state"}, t["name"])
        self.carries, self.states = t.get("carry_state", False), {}  # states: of each cell, from the batch before
        self.both, units = t["type"] != "lstm", t["units"]
        self.cells = nn.ModuleList()
        for layer in range(t.get("layers", 1)):
            for k in range(1 + self.both):
                if k and self.shared:
                    self.cells.append(self.cells[-1])
                    continue
                cell = nn.LSTM(width_in, units, batch_first=True)
                with torch.no_grad():
                    cell.bias_hh_l0.zero_()
                cell.bias_hh_l0.requires_grad_(False)
                self.cells.append(cell)
            width_in = units * (1 + self.both)
        self.drop, self.width = nn.Dropout(t.get("dropout", 0.0)), width_in

    def forward(self, x):
        step = 1 + self.both
        for i in range(0, len(self.cells), step):
            if i:
                x = Rows(self.drop(x.value), x.length)
            steps, after = self.cells[i](x.value, self.states.get(i))
            if self.carries:
                self.states[i] = tuple(v.detach() for v in after)
            forth = Rows(steps, x.length)
            state, value = last_row(forth), forth.value
            if self.both:
                back = Rows(self.cells[i + 1](reversed_rows(x))[0], x.length)
                state = torch.cat([state, last_row(back)], 1)
                value = torch.cat([value, reversed_rows(back)], 2)
            x = Rows(value, x.length)
        return {"": x, "state": Rows(state)}


class Dense(nn.Module):
    def __init__(self, t, width_in, classes, size):
        super().__init__()
        only(t, {"name", "type", "inputs", "units", "activation", "initializers"}, t["name"])
        units = size(t["units"]) if isinstance(t["units"], str) else t["units"]
        self.weight, self.bias = nn.Parameter(torch.zeros(units, width_in)), nn.Parameter(torch.zeros(units))
        self.act = {"linear": lambda y: y, "tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid,
                    "softmax": lambda y: y}[t.get("activation", "linear")]  # softmax: left to the loss
        self.width = units

    def forward(self, x):
        return {"": Rows(self.act(nn.functional.linear(x.value, self.weight, self.bias)), x.length)}


class Simple(nn.Module):
    """Layers without parameters."""

    def __init__(self, t, width_in, classes, size):
        super().__init__()
        only(t, {"name", "type", "inputs"} | ({"rate"} if t["type"] == "dropout" else set()), t["name"])
        self.kind, self.width = t["type"], width_in
        self.drop = nn.Dropout(t.get("rate", 0.0))

    def forward(self, x):
        if self.kind == "dropout":
            return {"": Rows(self.drop(x.value), x.length)}
        if self.kind == "last":
            return {"": Rows(last_row(x))}
        mask = mask_of(x)
        if self.kind == "mean":
            y = (x.value * mask).sum(1) / x.length.clamp(min=1).unsqueeze(1)
        else:
            y = x.value.masked_fill(~mask, -math.inf).max(1).values
            y = torch.where((x.length > 0).unsqueeze(1), y, torch.zeros(()))
        return {"": Rows(y)}


LAYERS = {"embedding": Embedding, "one_hot": OneHot, "lstm": Recurrent, "bilstm": Recurrent, "bidirectional": Recurrent, "dense": Dense,
          "dropout": Simple, "last": Simple, "mean": Simple, "max": Simple}


class Network(nn.Module):
    """The [[layer]] tables of an experiment."""

    def __init__(self, data):
        super().__init__()
        targets = [t["target"] for t in data.config["loss"]]
        self.fields = [n for n, f in data.field.items() if f["kind"] in ("text", "numbers") and n not in targets]
        self.layers, self.reads = nn.ModuleDict(), {}
        width = {n: f["width"] for n, f in data.field.items()}
        before = self.fields[0]
        for t in data.config["layer"]:
            t.setdefault("name", t["type"])
            if t["type"] not in LAYERS:
                sys.exit(f"layer '{t['name']}': this script does not know '{t['type']}'")
            reads = t.get("inputs", before)
            reads = reads[0] if isinstance(reads, list) else reads
            source = reads.split(".")[0]
            layer = LAYERS[t["type"]](t, width.get(source, 1), data.field.get(source, {}).get("classes", 0),
                                      lambda name: data.field[name]["classes"] or data.field[name]["width"])
            self.layers[t["name"]], self.reads[t["name"]], width[t["name"]] = layer, reads, layer.width
            before = t["name"]
        self.output = before

    def forward(self, inputs):
        at = dict(inputs)
        for name, layer in self.layers.items():
            for port, rows in layer(at[self.reads[name]]).items():
                at[f"{name}.{port}" if port else name] = rows
        return at[self.output].value

    def forget(self):
        for layer in self.layers.values():
            if isinstance(layer, Recurrent):
                layer.states = {}

    def by_name(self):
        """Tenon's parameter name -> tensor; both keep matrices as outputs x inputs."""
        named = {}
        for name, layer in self.layers.items():
            if isinstance(layer, Embedding):
                named[f"{name}.weight"] = layer.weight
            elif isinstance(layer, Dense):
                named[f"{name}.weight"] = layer.weight
                named[f"{name}.bias"] = layer.bias
            elif isinstance(layer, Recurrent):
                step = 1 + layer.both
                for i, cell in enumerate(layer.cells):
                    if i % step and layer.shared:
                        continue
                    end = (f"_l{i // step}" if i >= step else "") + ("_reverse" if i % step else "")
                    named[f"{name}.weight_ih{end}"] = cell.weight_ih_l0
                    named[f"{name}.weight_hh{end}"] = cell.weight_hh_l0
                    named[f"{name}.bias{end}"] = cell.bias_ih_l0
        return named


# ---- first values -------------------------------------------------------------------------------------------------
def draw(init, shape, fan_in, fan_out, rng):
    """One matrix from an initializer, {'type': ...}."""
    kind = init["type"]
    if kind == "uniform":
        return rng.uniform(init.get("low", -0.05), init.get("high", 0.05), shape)
    if kind == "normal":
        return rng.normal(init.get("mean", 0.0), init.get("std", 0.05), shape)
    if kind == "glorot_uniform":
        bound = math.sqrt(6.0 / (fan_in + fan_out))
        return rng.uniform(-bound, bound, shape)
    if kind == "glorot_normal":
        return rng.normal(0.0, math.sqrt(2.0 / (fan_in + fan_out)), shape)
    if kind == "orthogonal":
        rows, columns = shape
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return q if rows >= columns else q.T
    if kind == "constant":
        return np.full(shape, init.get("value", 0.0))
    sys.exit(f"initializer '{kind}' is not translated")


def first_values(network, data, how, seed):
    """Sets every parameter: Tenon's own values (how = same), or drawn here from the same distributions. Vectors
    (biases) are constants in both programs and are taken over."""
    rng, named = np.random.default_rng([seed, 77]), network.by_name()
    described = {p["name"]: p for p in data.info["parameters"]}
    if set(named) != set(described):
        sys.exit(f"parameters differ: here {sorted(named)}, in Tenon {sorted(described)}")
    overrides = {t["name"]: t.get("initializers", {}) for t in data.config["layer"]}
    for name, tensor in named.items():
        p, value = described[name], data.first(name)
        if how == "own" and p["dimensions"] > 1:
            layer, short = name.split(".", 1)
            init = overrides[layer].get(short) or data.config.get("initialize") or p["init"]
            if isinstance(init, str):
                init = tomllib.loads(f"x = {init}")["x"] if init.startswith("{") else {"type": init}
            rows = p["rows"] // p["blocks"]
            value = np.concatenate([draw(init, (rows, p["width"]), p["fan_in"], p["fan_out"], rng)
                                    for _ in range(p["blocks"])])
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(value.astype(np.float32)).reshape(tensor.shape))
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


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


FIGURES = ("mse", "perplexity", "accuracy")  # what is compared: the first of them that an experiment measures


def figures_of(config):
    return [f for f in FIGURES if f in [m.get("name", m["type"]) for m in config.get("metric", [])]
            or (f == "mse" and config["loss"][0]["type"] == "mse")]


def train(data, seed, how):
    """One run of PyTorch: the figure of the test split and its loss after the last epoch, and the mean training loss of each."""
    torch.manual_seed(seed)
    c = data.config
    if "regularizer" in c:
        sys.exit("[regularizer] is not translated")
    if len(c["loss"]) != 1:
        sys.exit("one loss is translated, not several")
    for stop in c.get("stop", []):
        sys.exit(f"[[stop]] {stop['type']} is not translated: compare with a fixed number of epochs")
    network, target = Network(data), c["loss"][0]["target"]
    size = first_values(network, data, how, seed)
    if size != data.info["values"]:
        sys.exit(f"{size} parameters here, {data.info['values']} in Tenon")
    optimizers, factor = optimizers_of(c, network.by_name()), factor_of(c)
    clip, bound, batch = c.get("gradient", {}).get("clip_norm", 0), c.get("gradient", {}).get("clip_value", 0), data.info["batch_size"]
    by_steps = data.split("train", target)[0] is not None
    reduction, test_batch = c["loss"][0].get("reduction", "mean"), c.get("evaluation", {}).get("batch_size", batch)
    if reduction not in ("mean", "sum_steps_mean_batch"):
        sys.exit(f"reduction '{reduction}' is not translated")
    binary, numbers = c["loss"][0]["type"] == "binary_cross_entropy", c["loss"][0]["type"] == "mse"
    splits = {s: {n: data.split(s, n) for n in network.fields + [target]} for s in ("train", "test")}

    def loss_of(y, wanted):
        if by_steps:
            total = nn.functional.cross_entropy(y.flatten(0, 1), wanted.flatten(), ignore_index=-1, reduction="sum")
            return total / (len(y) if reduction == "sum_steps_mean_batch" else int((wanted >= 0).sum()))
        if numbers:
            return nn.functional.mse_loss(y, wanted)
        return (nn.functional.binary_cross_entropy_with_logits(y[:, 0], wanted.float()) if binary
                else nn.functional.cross_entropy(y, wanted))

    def fed(split, examples):
        inputs = {n: Rows(*padded(*splits[split][n], examples)) for n in network.fields}
        if by_steps:
            wanted, length = padded(*splits[split][target], examples)
            return network(inputs), wanted.masked_fill(torch.arange(wanted.shape[1])[None, :] >= length[:, None], -1)
        wanted = splits[split][target][1][examples]
        return network(inputs), torch.from_numpy(wanted if numbers else wanted.astype(np.int64))

    losses, rates = [], [[g["lr"] for g in o.param_groups] for o in optimizers]
    for epoch in range(data.info["epochs"]):
        network.train()
        network.forget()
        for optimizer, rate in zip(optimizers, rates):
            for group, r in zip(optimizer.param_groups, rate):
                group["lr"] = r * factor(epoch + 1)
        total = 0.0
        for at in range(0, data.order.shape[1], batch):
            examples = data.order[epoch, at:at + batch]
            y, wanted = fed("train", examples)
            loss = loss_of(y, wanted)
            network.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(network.parameters(), clip)
            if bound:
                nn.utils.clip_grad_value_(network.parameters(), bound)
            for optimizer in optimizers:
                optimizer.step()
            total += loss.item() * len(examples)
        losses.append(total / data.order.shape[1])
    network.eval()
    network.forget()
    right, total, counted, n = 0, 0.0, 0, data.info["examples"]["test"]
    with torch.no_grad():
        for at in range(0, n, test_batch):
            y, wanted = fed("test", np.arange(at, min(n, at + test_batch)))
            guess = (y[:, 0] > 0).long() if binary else y if numbers else y.argmax(-1)
            right += int((guess == wanted).sum())
            weight = int((wanted >= 0).sum()) if by_steps else len(wanted)
            total += loss_of(y, wanted).item() * (len(y) if by_steps and reduction != "mean" else weight)
            counted += weight
    figures = {"accuracy": right / counted, "mse": total / counted, "perplexity": math.exp(min(total / counted, 700))}
    return {k: figures[k] for k in figures_of(c)} | {"loss": total / counted, "losses": losses}


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
        out = run([a.tenon, "train", a.experiment, "--set", f"seed={seed}", *sets, "--threads", str(a.threads),
                   "--run", f"{a.out}/tenon-{seed}-{int(began)}", "--json"])
        scores = json.loads(out[out.index("{"):])
        with open(path, "w") as f:
            figures = {f: scores[f"test.{f}"] for f in FIGURES if f"test.{f}" in scores} or {"mse": scores["test.loss"]}
            json.dump({**figures, "loss": scores["test.loss"], "seconds": time.time() - began}, f)
    return json.load(open(path))


def of_torch(a, seed, sets):
    path = f"{a.out}/torch-{seed}.json"
    if not os.path.exists(path):
        folder = f"{a.out}/batches-{seed}"
        run([a.tenon, "batches", a.experiment, folder, "--set", f"seed={seed}", *sets])
        began = time.time()
        result = train(Data(folder), seed, a.first)
        with open(path, "w") as f:
            json.dump({**result, "seconds": time.time() - began}, f)
        for name in os.listdir(folder):
            os.remove(f"{folder}/{name}")
        os.rmdir(folder)
    return json.load(open(path))


def mean_and_error(x):
    return float(np.mean(x)), float(np.std(x, ddof=1) / math.sqrt(len(x))) if len(x) > 1 else math.nan


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("experiment")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--out", required=True, help="folder for runs and figures")
    p.add_argument("--tenon", default=f"{ROOT}/build/tenon")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--first", choices=("own", "same"), default="own", help="first values: drawn here, or Tenon's")
    p.add_argument("--set", action="append", default=[], metavar="K=V")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    os.makedirs(a.out, exist_ok=True)
    sets = [x for s in a.set for x in ("--set", s)]
    ours, theirs, losses = [], [], []
    for seed in range(1, a.seeds + 1):
        t, o = of_torch(a, seed, sets), of_tenon(a, seed, sets)
        figure = next(f for f in FIGURES if f in t and f in o)
        ours.append(o[figure]), theirs.append(t[figure])
        losses += [o["loss"] - t["loss"]] if "loss" in o and "loss" in t else []  # both were kept
        print(f"seed {seed}: test {figure} Tenon {ours[-1]:.4f} ({o['seconds']:.0f} s), "
              f"PyTorch {theirs[-1]:.4f} ({t['seconds']:.0f} s)", flush=True)
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
