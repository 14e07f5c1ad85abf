#!/usr/bin/env python3
"""Makes the files that tests/reference_test.c compares with: what PyTorch gives, computed in float64.

    make_references.py                makes *.safetensors beside this script
    make_references.py --check        makes them again and compares with those that are there
    make_references.py --install DIR  puts PyTorch into an environment of its own in DIR and goes on there

A user never needs this. Every number that goes in is a float32, so both sides begin with the same; what comes out is
rounded to float32 once. Rows lie example by example: the test brings them into the order of packed rows.

A case is some tensors "CASE/what" and the text CASE: "kind { options as TOML }".
"""
import argparse
import json
import os
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def install(folder):
    """Runs this script again by a Python that has PyTorch (for the CPU alone) and NumPy."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        index = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", "torch", "numpy", *index], check=True)
    rest = [a for i, a in enumerate(sys.argv[1:], 1) if a != "--install" and sys.argv[i - 1] != "--install"]
    os.execv(python, [python, os.path.abspath(__file__), *rest])


class Cases:
    """Collects the cases of one file."""

    def __init__(self):
        self.tensors, self.texts = {}, {}

    def case(self, name, text, **tensors):
        self.texts[name] = text
        for key, value in tensors.items():
            self.add(name, key.replace("__", "."), value)

    def add(self, name, key, value):
        import numpy
        a = value.detach().cpu().numpy() if hasattr(value, "detach") else numpy.asarray(value)
        kind = numpy.int32 if a.dtype.kind in "iub" else numpy.float32
        self.tensors[f"{name}/{key}"] = numpy.ascontiguousarray(a.astype(kind))

    def write(self, path):
        header, data, at = {"__metadata__": self.texts}, b"", 0
        for name, a in self.tensors.items():
            raw = a.tobytes()
            dtype = "I32" if a.dtype.kind == "i" else "F32"
            header[name] = {"dtype": dtype, "shape": list(a.shape), "data_offsets": [at, at + len(raw)]}
            data, at = data + raw, at + len(raw)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-(8 + len(text)) % 64)
        with open(path, "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    """Texts and tensors of a written file."""
    import numpy
    with open(path, "rb") as f:
        n = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(n))
        data = f.read()
    texts, tensors = header.pop("__metadata__"), {}
    for name, t in header.items():
        kind = numpy.int32 if t["dtype"] == "I32" else numpy.float32
        tensors[name] = numpy.frombuffer(data[slice(*t["data_offsets"])], kind).reshape(t["shape"])
    return texts, tensors


# ---- recurrent layers ---------------------------------------------------------------------------------------------------

LENGTHS = [4, 1, 7, 0, 3, 7, 1]


def random(generator, *shape, scale=1.0):
    """Normal numbers that are float32, kept as float64."""
    import torch
    return (torch.randn(*shape, generator=generator) * scale).float().double()


def run_sequences(net, xs, h0, c0, reverse):
    """Each sequence through nn.LSTM, packed; those of no steps pass their state on. Gives rows example by example."""
    import torch
    from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence
    some = [i for i, x in enumerate(xs) if len(x)]
    ordered = [xs[i].flip(0) if reverse else xs[i] for i in some]
    packed = pack_sequence(ordered, enforce_sorted=False)
    out, (h, c) = net(packed, (h0[:, some], c0[:, some]))
    out, lengths = pad_packed_sequence(out, batch_first=True)
    rows = [out[k, :n].flip(0) if reverse else out[k, :n] for k, n in enumerate(lengths.tolist())]
    hn, cn = h0.clone(), c0.clone()
    hn[:, some], cn[:, some] = h, c
    return torch.cat(rows), hn, cn


def lstm_case(cases, name, seed, layers, both, two_biases, reverse=False, states=True, width=3, units=5):
    import torch
    g = torch.Generator().manual_seed(seed)
    net = torch.nn.LSTM(width, units, num_layers=layers, bidirectional=both).double()
    for p in net.parameters():
        p.data = random(g, *p.shape, scale=0.5)
    if not two_biases:
        for key, p in net.named_parameters():
            if key.startswith("bias_hh"):
                p.data.zero_()
    d, batch = 2 if both else 1, len(LENGTHS)
    xs = [random(g, n, width).requires_grad_() for n in LENGTHS]
    make = random if states else (lambda gen, *shape: torch.zeros(*shape).double())
    h0, c0 = make(g, layers * d, batch, units).requires_grad_(), make(g, layers * d, batch, units).requires_grad_()
    y, hn, cn = run_sequences(net, xs, h0, c0, reverse)
    dy, dh, dc = random(g, *y.shape), random(g, *hn.shape), random(g, *cn.shape)
    ((y * dy).sum() + (hn * dh).sum() + (cn * dc).sum()).backward()
    options = f'type = "{"bilstm" if both else "lstm"}", units = {units}, layers = {layers}'
    options += ", recurrent_bias = true" if two_biases else ""
    options += ", reverse = true" if reverse else ""
    cases.case(name, "layer { %s }" % options, length=torch.tensor(LENGTHS), in__0=torch.cat(xs), out=y, d_out=dy,
               d_in__0=torch.cat([x.grad for x in xs if len(x)]))
    for layer in range(layers):
        for k in range(d):
            theirs = f"_l{layer}" + ("_reverse" if k else "")
            ours = (f"_l{layer}" if layer else "") + ("_reverse" if k else "")
            for a, b in [("weight_ih", "weight_ih"), ("weight_hh", "weight_hh"), ("bias_ih", "bias"), ("bias_hh", "bias_hh")]:
                if b == "bias_hh" and not two_biases:
                    continue
                p = getattr(net, a + theirs)
                cases.add(name, f"param.{b}{ours}", p)
                cases.add(name, f"d_param.{b}{ours}", p.grad)
        port = "" if layer == layers - 1 else f"_l{layer}"
        for what, first, last, grad in [("state", h0, hn, dh), ("cell", c0, cn, dc)]:
            half = lambda t: torch.cat([t[layer * d + k] for k in range(d)], 1)
            if states:
                cases.add(name, f"state.{what}{port}", half(first))
                cases.add(name, f"d_state.{what}{port}", half(first.grad))
            cases.add(name, f"next.{what}{port}", half(last))
            cases.add(name, f"d_next.{what}{port}", half(grad))


def layers():
    import torch
    c = Cases()
    lstm_case(c, "lstm", 1, 1, False, False)
    lstm_case(c, "lstm_two_biases", 2, 1, False, True)
    lstm_case(c, "lstm_reverse", 3, 1, False, True, reverse=True)
    lstm_case(c, "lstm_two_layers", 4, 2, False, True)
    lstm_case(c, "lstm_no_states", 5, 1, False, False, states=False, width=17, units=19)
    lstm_case(c, "bilstm", 6, 1, True, False)
    lstm_case(c, "bilstm_two_layers", 7, 2, True, True, units=7)
    lstm_case(c, "bilstm_no_states", 8, 2, True, False, states=False, units=16)
    g = torch.Generator().manual_seed(20)
    embedding = torch.nn.Embedding(11, 6).double()
    embedding.weight.data = random(g, 11, 6)
    ids = torch.randint(0, 11, (sum(LENGTHS),), generator=g)
    y = embedding(ids)
    dy = random(g, *y.shape)
    (y * dy).sum().backward()
    c.case("embedding", 'layer { type = "embedding", width = 6 }', length=torch.tensor(LENGTHS), in__0=ids, classes__0=[11],
           out=y, d_out=dy, param__weight=embedding.weight, d_param__weight=embedding.weight.grad)
    functions = dict(ACTIVATIONS, none=lambda x: x)
    for i, (name, f) in enumerate(functions.items()):
        dense_case(c, f"dense_{name}", 30 + i, f, "" if name == "none" else f', activation = "{name}"')
    dense_case(c, "dense_no_bias", 40, lambda x: x, ", bias = false", bias=False)
    return c


def dense_case(cases, name, seed, f, options, bias=True):
    import torch
    g = torch.Generator().manual_seed(seed)
    net = torch.nn.Linear(9, 5, bias=bias).double()
    for p in net.parameters():
        p.data = random(g, *p.shape)
    x = random(g, sum(LENGTHS), 9).requires_grad_()
    y = f(net(x))
    dy = random(g, *y.shape)
    (y * dy).sum().backward()
    cases.case(name, 'layer { type = "dense", units = 5%s }' % options, length=torch.tensor(LENGTHS), in__0=x, out=y, d_out=dy,
               d_in__0=x.grad, param__weight=net.weight, d_param__weight=net.weight.grad)
    if bias:
        cases.add(name, "param.bias", net.bias)
        cases.add(name, "d_param.bias", net.bias.grad)


# ---- activations and losses ---------------------------------------------------------------------------------------------

def make_activations():
    import torch
    return dict(sigmoid=torch.sigmoid, tanh=torch.tanh, relu=torch.relu, softmax=lambda x: torch.softmax(x, -1), linear=lambda x: x)


ACTIVATIONS = {}


def activations():
    import torch
    c = Cases()
    for i, (name, f) in enumerate(ACTIVATIONS.items()):
        g = torch.Generator().manual_seed(100 + i)
        x = random(g, 40, 11, scale=3)
        x[0, 0], x[1, 1], x[2, 2], x[3, 3] = 30.0, -30.0, 80.0, -80.0
        x.requires_grad_()
        y = f(x)
        dy = random(g, *y.shape)
        (y * dy).sum().backward()
        c.case(name, 'activation { type = "%s" }' % name, in__0=x, out=y, d_out=dy, d_in__0=x.grad)
    return c


VALUES, PROBABILITIES, LOG_PROBABILITIES = 0, 2, 3


def loss_case(cases, name, text, seed, f, x, target, means=VALUES, classes=0, probability=None, length=None):
    import torch
    g = torch.Generator().manual_seed(seed)
    x = x.float().double().requires_grad_()
    y = f(x, target)
    dy = random(g, *y.shape)
    (y * dy).sum().backward()
    cases.case(name, text, in__0=x, in__1=target, means__0=[means], out=y.reshape(-1, 1), d_out=dy.reshape(-1, 1), d_in__0=x.grad)
    if classes:
        cases.add(name, "classes.1", [classes])
    if probability is not None:
        cases.add(name, "probability", probability(x))
    if length:
        cases.add(name, "length", length)


def losses():
    import torch
    from torch.nn import functional as F
    c = Cases()
    g = torch.Generator().manual_seed(200)
    n, k = sum(LENGTHS), 7
    x = random(g, n, k, scale=4)
    ids = torch.randint(0, k, (n,), generator=g)
    ce = lambda a, t: F.cross_entropy(a, t, reduction="none")
    soft = lambda a: torch.softmax(a, -1)
    loss_case(c, "cross_entropy", 'loss { type = "cross_entropy" }', 1, ce, x, ids, classes=k, probability=soft, length=LENGTHS)
    loss_case(c, "cross_entropy_far", 'loss { type = "cross_entropy" }', 2, ce, x * 20, ids, classes=k, probability=soft)
    skipping = lambda a, t: F.cross_entropy(a, t, reduction="none", ignore_index=2)
    loss_case(c, "cross_entropy_ignore", 'loss { type = "cross_entropy", ignore = 2 }', 3, skipping, x, ids, classes=k)
    wide, words = random(g, 6, 1000), torch.randint(0, 1000, (6,), generator=g)
    loss_case(c, "cross_entropy_wide", 'loss { type = "cross_entropy" }', 4, ce, wide, words, classes=1000)
    nll = lambda a, t: F.nll_loss(a, t, reduction="none")
    p = torch.softmax(x, -1)
    loss_case(c, "cross_entropy_probabilities", 'loss { type = "cross_entropy" }', 5, lambda a, t: nll(torch.log(a), t), p, ids,
              means=PROBABILITIES, classes=k, probability=lambda a: a)
    loss_case(c, "cross_entropy_logarithms", 'loss { type = "cross_entropy" }', 6, nll, torch.log(p), ids,
              means=LOG_PROBABILITIES, classes=k, probability=torch.exp)
    z = random(g, n, 1, scale=5)
    z[0], z[1], z[2], z[3] = 60.0, -60.0, 0.0, 100.0
    yes = torch.randint(0, 2, (n,), generator=g)
    row = lambda f: lambda a, t: f(a, t.double().reshape(a.shape), reduction="none").mean(-1)
    two = lambda q: torch.cat([1 - q, q], 1)
    text = 'loss { type = "binary_cross_entropy" }'
    loss_case(c, "binary_cross_entropy", text, 7, row(F.binary_cross_entropy_with_logits), z, yes, classes=2,
              probability=lambda a: two(torch.sigmoid(a)), length=LENGTHS)
    q = torch.sigmoid(z.clamp(-8, 8))
    loss_case(c, "binary_cross_entropy_probabilities", text, 8, row(F.binary_cross_entropy), q, yes, means=PROBABILITIES,
              classes=2, probability=two)
    t = torch.rand(n, 4, generator=g).float().double()
    loss_case(c, "binary_cross_entropy_numbers", text, 9, row(F.binary_cross_entropy_with_logits), random(g, n, 4), t)
    loss_case(c, "mse", 'loss { type = "mse" }', 10, row(F.mse_loss), random(g, n, 4), random(g, n, 4))
    loss_case(c, "mse_of_classes", 'loss { type = "mse" }', 11, row(F.mse_loss), random(g, n, 1), ids, classes=k, length=LENGTHS)
    return c


# ---- optimizers -----------------------------------------------------------------------------------------------------------

def optimizer_case(cases, name, options, seed, make, decay=0.0, rate=0.05, steps=20, n=37):
    """Recorded gradients, a rate that falls, and the parameters after each step."""
    import torch
    g = torch.Generator().manual_seed(seed)
    p = random(g, n).requires_grad_()
    first, gradients, rates, after = p.detach().clone(), [], [], []
    optimizer = make([p], rate, decay)
    for step in range(steps):
        r = torch.tensor(rate * 0.97 ** step).float().double().item()
        grad = random(g, n)
        optimizer.param_groups[0]["lr"] = r
        p.grad = grad.clone()
        optimizer.step()
        gradients.append(grad)
        rates.append(r)
        after.append(p.detach().clone())
    cases.case(name, "optimizer { %s }" % options, param=first, gradient=torch.stack(gradients), rate=rates, decay=[decay],
               out=torch.stack(after))


def optimizers():
    import torch
    c, o, d = Cases(), torch.optim, 0.125
    sgd = lambda **k: lambda p, lr, wd: o.SGD(p, lr=lr, weight_decay=wd, **k)
    optimizer_case(c, "sgd", 'type = "sgd"', 300, sgd())
    optimizer_case(c, "sgd_decay", 'type = "sgd"', 301, sgd(), decay=d)
    optimizer_case(c, "sgd_momentum", 'type = "sgd", momentum = 0.9', 302, sgd(momentum=0.9))
    optimizer_case(c, "sgd_nesterov", 'type = "sgd", momentum = 0.9, nesterov = true', 303, sgd(momentum=0.9, nesterov=True))
    optimizer_case(c, "sgd_dampening", 'type = "sgd", momentum = 0.9, dampening = 0.25', 304, sgd(momentum=0.9, dampening=0.25),
                   decay=d)
    optimizer_case(c, "sgd_nesterov_decay", 'type = "sgd", momentum = 0.8, nesterov = true', 305,
                   sgd(momentum=0.8, nesterov=True), decay=d)
    adam = lambda p, lr, wd: o.Adam(p, lr=lr, weight_decay=wd)
    optimizer_case(c, "adam", 'type = "adam"', 306, adam)
    optimizer_case(c, "adam_coupled", 'type = "adam"', 307, adam, decay=d)
    optimizer_case(c, "adam_decoupled", 'type = "adam", decoupled = true', 308,
                   lambda p, lr, wd: o.AdamW(p, lr=lr, weight_decay=wd), decay=d)
    optimizer_case(c, "adam_betas", 'type = "adam", beta1 = 0.5, beta2 = 0.9, epsilon = 1e-3', 309,
                   lambda p, lr, wd: o.Adam(p, lr=lr, betas=(0.5, 0.9), eps=1e-3))
    return c


# ---- metrics, by brute force ------------------------------------------------------------------------------------------------

def scores(said, true, classes, positive=1):
    """Every result of precision_recall_f1, from the definitions."""
    def three(hit, n_said, n_true):
        p, r = hit / n_said if n_said else 0.0, hit / n_true if n_true else 0.0
        return p, r, 2 * p * r / (p + r) if p + r else 0.0
    per, support, used = [], [], []
    for k in range(classes):
        per.append(three(sum(s == t == k for s, t in zip(said, true)), said.count(k), true.count(k)))
        support.append(true.count(k))
        used.append(k in said or k in true)
    right = sum(s == t for s, t in zip(said, true))
    averages = dict(micro=three(right, len(said), len(true)))
    averages["macro"] = tuple(sum(per[k][i] for k in range(classes) if used[k]) / sum(used) for i in range(3))
    averages["weighted"] = tuple(sum(per[k][i] * support[k] for k in range(classes)) / sum(support) for i in range(3))
    averages["binary"] = per[positive] if classes == 2 else None
    out = {}
    for i, what in enumerate(["precision", "recall", "f1"]):
        for a in ["micro", "macro", "weighted"]:
            out[f"{a}.{what}"] = averages[a][i]
        for k in range(classes):
            out[f"class_{k}.{what}"] = per[k][i]
    main = averages["binary"] if classes == 2 else averages["macro"]
    out["precision"], out["recall"], out[""] = main
    return out


def metrics():
    import torch
    c = Cases()
    g = torch.Generator().manual_seed(400)
    for name, n, classes, width in [("few", 60, 4, 4), ("unused", 40, 9, 9), ("binary", 50, 2, 2), ("one_value", 50, 2, 1)]:
        x = random(g, n, width)
        most = 5 if name == "unused" else classes
        true = torch.randint(0, most, (n,), generator=g)
        if name == "unused":
            x[:, 6:] -= 100
        said = (x[:, 0] > 0).int().tolist() if width == 1 else x.argmax(-1).tolist()
        results = scores(said, true.tolist(), classes)
        c.case(f"f1_{name}", 'metric { type = "precision_recall_f1" }', in__0=x, in__1=true, classes__1=[classes])
        c.case(f"accuracy_{name}", 'metric { type = "accuracy" }', in__0=x, in__1=true, classes__1=[classes])
        c.add(f"accuracy_{name}", "result.", [sum(s == t for s, t in zip(said, true.tolist())) / n])
        for key, value in results.items():
            c.add(f"f1_{name}", f"result.{key}", [value])
    return c


FILES = dict(layers=layers, activations=activations, losses=losses, optimizers=optimizers, metrics=metrics)


def differs(path, made):
    """What is not the same in a committed file; "" if nothing. Versions of PyTorch may round the last digit otherwise."""
    import numpy
    if not os.path.exists(path):
        return "is missing"
    texts, tensors = read(path)
    if texts != made.texts or set(tensors) != set(made.tensors):
        return "has other cases"
    for name, a in made.tensors.items():
        b = tensors[name]
        if a.shape != b.shape or not numpy.allclose(a, b, rtol=1e-6, atol=1e-7):
            return f"has other values in {name}"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--install", metavar="DIR")
    arguments = parser.parse_args()
    if arguments.install:
        install(arguments.install)
    import torch
    torch.set_num_threads(1)
    ACTIVATIONS.update(make_activations())
    passed = failed = 0
    for name, make in FILES.items():
        path, made = os.path.join(HERE, name + ".safetensors"), make()
        if not arguments.check:
            made.write(path)
            continue
        why = differs(path, made)
        if why:
            print(f"FAILED: {path} {why} (PyTorch {torch.__version__})")
        passed, failed = passed + (not why), failed + bool(why)
    if arguments.check:
        print(f"references made again: {passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
