"""The network of an experiment in PyTorch, for torch_parity.py: its [[layer]] tables and how each parameter is first drawn.

A key that is not known here is an error, for a silent difference would make the comparison worthless."""
import collections, math, sys, tomllib
import numpy as np
import torch
from torch import nn
from torch_decoder import AttentionDecoder
from torch_rows import Rows, last_row, mask_of, only, reversed_rows


# ---- layers -----------------------------------------------------------------------------------------------------
class Embedding(nn.Module):
    def __init__(self, t, inputs, size):
        super().__init__()
        only(t, {"name", "type", "inputs", "width", "dropout", "initializers"}, t["name"])
        self.weight = nn.Parameter(torch.zeros(inputs[0].classes, t["width"]))
        self.drop = nn.Dropout(t.get("dropout", 0.0))
        self.width = t["width"]

    def forward(self, x):
        return {"": Rows(self.drop(nn.functional.embedding(x.value, self.weight)), x.length)}

    def by_name(self):
        return {"weight": self.weight}


class OneHot(nn.Module):
    def __init__(self, t, inputs, size):
        super().__init__()
        only(t, {"name", "type", "inputs"}, t["name"])
        self.width = inputs[0].classes

    def forward(self, x):
        return {"": Rows(nn.functional.one_hot(x.value, self.width).float(), x.length)}


class Recurrent(nn.Module):
    """lstm, gru, bilstm and bidirectional ones over one nn.LSTM or nn.GRU a layer and direction. An lstm has one bias (the second
    one of PyTorch stays zero) unless it says recurrent_bias. The directions of a bidirectional one may share their parameters."""

    def __init__(self, t, inputs, size):
        super().__init__()
        self.shared = t.get("shared", False)
        self.wrapped = t["type"] == "bidirectional"  # its parameters are named after the cells inside
        if self.wrapped:
            only(t, {"name", "type", "inputs", "cell", "shared", "merge", "initializers"}, t["name"])
            only(t["cell"], {"type", "units"}, f"{t['name']}.cell")
            t = dict(t, units=t["cell"]["units"])
        else:
            only(t, {"name", "type", "inputs", "units", "layers", "dropout", "forget_bias", "initializers", "carry_state",
                     "recurrent_bias"}, t["name"])
        self.kind = t["cell"]["type"] if self.wrapped else {"bilstm": "lstm"}.get(t["type"], t["type"])
        if self.kind not in ("lstm", "gru"):
            sys.exit(f"{t['name']}: a bidirectional '{self.kind}' is not translated")
        self.second = t.get("recurrent_bias", self.kind == "gru")
        self.merge = t.get("merge", "concat")
        self.carries, self.states = t.get("carry_state", False), {}  # states: of each cell, from the batch before
        self.both, units, width = t["type"] in ("bilstm", "bidirectional"), t["units"], inputs[0].width
        self.cells, self.ports = nn.ModuleList(), set()  # ports: what other layers read of it
        for layer in range(t.get("layers", 1)):
            for k in range(1 + self.both):
                if k and self.shared:
                    self.cells.append(self.cells[-1])
                    continue
                cell = (nn.LSTM if self.kind == "lstm" else nn.GRU)(width, units, batch_first=True)
                if not self.second:
                    with torch.no_grad():
                        cell.bias_hh_l0.zero_()
                    cell.bias_hh_l0.requires_grad_(False)
                self.cells.append(cell)
            width = units * (1 + (self.both and self.merge == "concat"))
        self.drop, self.width = nn.Dropout(t.get("dropout", 0.0)), width

    def last_cell(self, i, x):
        """An LSTM's cell state behind the last step of each sequence, which nn.LSTM tells of packed sequences alone."""
        packed = nn.utils.rnn.pack_padded_sequence(x.value, x.length.clamp(min=1), batch_first=True, enforce_sorted=False)
        return self.cells[i](packed)[1][1][0] * (x.length > 0).unsqueeze(1)

    def merged(self, forth, back):
        if self.merge == "concat":
            return torch.cat([forth, back], 2)
        return (forth + back) * (0.5 if self.merge == "mean" else 1.0)

    def forward(self, x):
        step, ports = 1 + self.both, {}
        for i in range(0, len(self.cells), step):
            if i:
                x = Rows(self.drop(x.value), x.length)
            steps, after = self.cells[i](x.value, self.states.get(i))
            if self.carries:
                self.states[i] = tuple(v.detach() for v in after) if self.kind == "lstm" else after.detach()
            forth = Rows(steps, x.length)
            state, value = last_row(forth), forth.value
            if self.both:
                back = Rows(self.cells[i + 1](reversed_rows(x))[0], x.length)
                state = torch.cat([state, last_row(back)], 1)
                value = self.merged(value, reversed_rows(back))
            end = "" if i + step == len(self.cells) else f"_l{i // step}"
            ports["state" + end] = Rows(state)
            if "cell" + end in self.ports:
                ports["cell" + end] = Rows(self.last_cell(i, x))
            x = Rows(value, x.length)
        return {"": x, **ports}

    def by_name(self):
        named, step = {}, 1 + self.both
        for i, cell in enumerate(self.cells):
            if i % step and self.shared:
                continue
            end = (f"_l{i // step}" if i >= step else "") + ("_reverse" if i % step and not self.wrapped else "")
            front = f"{self.kind}{'_2' if i % step else ''}." if self.wrapped else ""
            named[f"{front}weight_ih{end}"] = cell.weight_ih_l0
            named[f"{front}weight_hh{end}"] = cell.weight_hh_l0
            named[f"{front}bias{end}"] = cell.bias_ih_l0
            if self.second:
                named[f"{front}bias_hh{end}"] = cell.bias_hh_l0
        return named


class Dense(nn.Module):
    def __init__(self, t, inputs, size):
        super().__init__()
        only(t, {"name", "type", "inputs", "units", "activation", "initializers"}, t["name"])
        units = size(t["units"]) if isinstance(t["units"], str) else t["units"]
        self.weight, self.bias = nn.Parameter(torch.zeros(units, inputs[0].width)), nn.Parameter(torch.zeros(units))
        self.act = {"linear": lambda y: y, "tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid,
                    "softmax": lambda y: y}[t.get("activation", "linear")]  # softmax: left to the loss
        self.width = units

    def forward(self, x):
        return {"": Rows(self.act(nn.functional.linear(x.value, self.weight, self.bias)), x.length)}

    def by_name(self):
        return {"weight": self.weight, "bias": self.bias}


class Simple(nn.Module):
    """Layers without parameters."""

    def __init__(self, t, inputs, size):
        super().__init__()
        only(t, {"name", "type", "inputs"} | {"dropout": {"rate"}, "repeat": {"times"}}.get(t["type"], set()), t["name"])
        self.kind, self.width = t["type"], inputs[0].width
        self.drop, self.times = nn.Dropout(t.get("rate", 0.0)), t.get("times", 1)

    def forward(self, x):
        if self.kind == "dropout":
            return {"": Rows(self.drop(x.value), x.length)}
        if self.kind == "repeat":
            return {"": Rows(x.value.unsqueeze(1).expand(-1, self.times, -1), torch.full((len(x.value),), self.times))}
        if self.kind == "last":
            return {"": Rows(last_row(x))}
        mask = mask_of(x)
        if self.kind == "mean":
            y = (x.value * mask).sum(1) / x.length.clamp(min=1).unsqueeze(1)
        else:
            y = x.value.masked_fill(~mask, -math.inf).max(1).values
            y = torch.where((x.length > 0).unsqueeze(1), y, torch.zeros(()))
        return {"": Rows(y)}


LAYERS = {"embedding": Embedding, "one_hot": OneHot, "lstm": Recurrent, "gru": Recurrent, "bilstm": Recurrent, "bidirectional": Recurrent,
          "dense": Dense, "dropout": Simple, "last": Simple, "mean": Simple, "max": Simple, "repeat": Simple,
          "attention_decoder": AttentionDecoder}
Input = collections.namedtuple("Input", "width classes")


class Network(nn.Module):
    """The [[layer]] tables of an experiment."""

    def __init__(self, data):
        super().__init__()
        targets = [t["target"] for t in data.config["loss"]]
        self.fields = [n for n, f in data.field.items() if f["kind"] in ("text", "numbers") and n not in targets]
        self.layers, self.reads, self.states = nn.ModuleDict(), {}, {}
        known = {n: Input(f["width"], f["classes"]) for n, f in data.field.items()}
        before = self.fields[0]
        for t in data.config["layer"]:
            name = t.setdefault("name", t["type"])
            if t["type"] not in LAYERS:
                sys.exit(f"layer '{name}': this script does not know '{t['type']}'")
            reads = t.get("inputs", before)
            reads = self.reads[name] = reads if isinstance(reads, list) else [reads]
            self.states[name] = {k[len("initial_"):]: v for k, v in t.items() if k.startswith("initial_")}
            t = {k: v for k, v in t.items() if not k.startswith("initial_")}
            for source in self.states[name].values():
                layer, _, port = source.partition(".")
                if isinstance(self.layers[layer], Recurrent):
                    self.layers[layer].ports.add(port)
            layer = LAYERS[t["type"]](t, [known[r.split(".")[0]] for r in reads],
                                      lambda field: data.field[field]["classes"] or data.field[field]["width"])
            if len(reads) != (2 if t["type"] == "attention_decoder" else 1) or (self.states[name] and t["type"] != "attention_decoder"):
                sys.exit(f"layer '{name}': several inputs or a first state are not translated for '{t['type']}'")
            self.layers[name], known[name] = layer, Input(layer.width, 0)
            before = name
        self.output = before

    def forward(self, inputs, own=False):
        """own: a decoder reads what it said itself, as an evaluation with feed = "own"."""
        at = dict(inputs)
        for name, layer in self.layers.items():
            read = [at[r] for r in self.reads[name]]
            if self.states[name]:
                read += [{k: at[v].value for k, v in self.states[name].items()}, own]
            for port, rows in layer(*read).items():
                at[f"{name}.{port}" if port else name] = rows
        return at[self.output].value

    def forget(self):
        for layer in self.layers.values():
            if isinstance(layer, Recurrent):
                layer.states = {}

    def by_name(self):
        """Tenon's parameter name -> tensor; both keep matrices as outputs x inputs."""
        return {f"{name}.{k}": v for name, layer in self.layers.items() if hasattr(layer, "by_name") for k, v in layer.by_name().items()}


# ---- first values -------------------------------------------------------------------------------------------------
def draw(init, shape, fan_in, fan_out, rng):
    """One matrix from an initializer, {'type': ...}."""
    kind = init["type"]
    keys = {"uniform": {"low", "high"}, "normal": {"mean", "deviation"}, "constant": {"value"}}.get(kind, set())
    only(init, {"type"} | keys, f"initializer '{kind}'")
    if kind == "uniform":
        return rng.uniform(init.get("low", -0.05), init.get("high", 0.05), shape)
    if kind == "normal":
        return rng.normal(init.get("mean", 0.0), init.get("deviation", 0.05), shape)
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
            init = overrides[layer].get(short.rsplit(".", 1)[-1]) or data.config.get("initialize") or p["init"]
            if isinstance(init, str):
                init = tomllib.loads(f"x = {init}")["x"] if init.startswith("{") else {"type": init}
            rows = p["rows"] // p["blocks"]
            value = np.concatenate([draw(init, (rows, p["width"]), p["fan_in"], p["fan_out"], rng)
                                    for _ in range(p["blocks"])])
        with torch.no_grad():
            tensor.copy_(torch.from_numpy(value.astype(np.float32)).reshape(tensor.shape))
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
