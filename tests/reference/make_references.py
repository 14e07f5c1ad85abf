#!/usr/bin/env python3
"""Makes the files that tests compare with: what PyTorch gives, computed in float64, and other programs where NEEDS names them.

    make_references.py                makes *.safetensors beside this script
    make_references.py --check        makes them again and compares with those that are there
    make_references.py --install DIR  puts all that is needed into an environment of its own in DIR and goes on there

A file of which a program is missing is left out, which is said.

A user never needs this. Every number that goes in is a float32, so both sides begin with the same; what comes out is
rounded to float32 once. Rows lie example by example: the test brings them into the order of packed rows.

A case is some tensors "CASE/what" and the text CASE: "kind { options as TOML }".
"""
import argparse
import importlib.util
import os
import subprocess
import sys

from activations import activation_cases, activations
from cases import LENGTHS, Cases, random, read
from decoder import decoder
from losses import losses
from metrics import metrics
from multi_label import multi_label
from recurrent import bidirectional, recurrent
from regularizers import regularizers
from schedules import schedules
from shape_layers import shapes
from tagging import tagging
from training import training
from transforms import transforms

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {"torch": "torch", "numpy": "numpy", "sacrebleu": "sacrebleu", "scikit-learn": "sklearn", "subword-nmt": "subword_nmt",
            "keras": "keras"}  # what --install puts there, and as what it is imported


def install(folder):
    """Runs this script again by a Python that has PyTorch (for the CPU alone) and the others."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    has_all = f"import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, {list(PACKAGES.values())})))"
    if subprocess.run([python, "-c", has_all]).returncode:
        index = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES, *index], check=True)
    rest = [a for i, a in enumerate(sys.argv[1:], 1) if a != "--install" and sys.argv[i - 1] != "--install"]
    os.execv(python, [python, os.path.abspath(__file__), *rest])


# ---- recurrent layers ---------------------------------------------------------------------------------------------------

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


def lstm_case(cases, name, seed, layers, both, two_biases, reverse=False, states=True, width=3, units=5, projection=0):
    import torch
    g = torch.Generator().manual_seed(seed)
    net = torch.nn.LSTM(width, units, num_layers=layers, bidirectional=both, proj_size=projection).double()
    for p in net.parameters():
        p.data = random(g, *p.shape, scale=0.5)
    if not two_biases:
        for key, p in net.named_parameters():
            if key.startswith("bias_hh"):
                p.data.zero_()
    d, batch = 2 if both else 1, len(LENGTHS)
    xs = [random(g, n, width).requires_grad_() for n in LENGTHS]
    make = random if states else (lambda gen, *shape: torch.zeros(*shape).double())
    h0 = make(g, layers * d, batch, projection or units).requires_grad_()
    c0 = make(g, layers * d, batch, units).requires_grad_()
    y, hn, cn = run_sequences(net, xs, h0, c0, reverse)
    dy, dh, dc = random(g, *y.shape), random(g, *hn.shape), random(g, *cn.shape)
    ((y * dy).sum() + (hn * dh).sum() + (cn * dc).sum()).backward()
    options = f'type = "{"bilstm" if both else "lstm"}", units = {units}, layers = {layers}'
    options += ", recurrent_bias = true" if two_biases else ""
    options += ", reverse = true" if reverse else ""
    options += f", projection = {projection}" if projection else ""
    cases.case(name, "layer { %s }" % options, length=torch.tensor(LENGTHS), in__0=torch.cat(xs), out=y, d_out=dy,
               d_in__0=torch.cat([x.grad for x in xs if len(x)]))
    for layer in range(layers):
        for k in range(d):
            theirs = f"_l{layer}" + ("_reverse" if k else "")
            ours = (f"_l{layer}" if layer else "") + ("_reverse" if k else "")
            for a, b in [("weight_ih", "weight_ih"), ("weight_hh", "weight_hh"), ("bias_ih", "bias"), ("bias_hh", "bias_hh"),
                         ("weight_hr", "weight_hr")]:
                if (b == "bias_hh" and not two_biases) or (b == "weight_hr" and not projection):
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
    lstm_case(c, "lstm_projection", 9, 1, False, False, units=7, projection=4)
    lstm_case(c, "lstm_projection_reverse", 10, 1, False, True, reverse=True, states=False, width=17, units=19, projection=18)
    lstm_case(c, "bilstm_projection_two_layers", 11, 2, True, True, units=7, projection=3)
    g = torch.Generator().manual_seed(20)
    embedding = torch.nn.Embedding(11, 6).double()
    embedding.weight.data = random(g, 11, 6)
    ids = torch.randint(0, 11, (sum(LENGTHS),), generator=g)
    y = embedding(ids)
    dy = random(g, *y.shape)
    (y * dy).sum().backward()
    c.case("embedding", 'layer { type = "embedding", width = 6 }', length=torch.tensor(LENGTHS), in__0=ids, classes__0=[11],
           out=y, d_out=dy, param__weight=embedding.weight, d_param__weight=embedding.weight.grad)
    dense_case(c, "dense_none", 30, lambda x: x, "")
    dense_case(c, "dense_no_bias", 31, lambda x: x, ", bias = false", bias=False)
    for i, (name, (options, f)) in enumerate(activation_cases().items()):
        dense_case(c, f"dense_{name}", 40 + i, f, f", activation = {options}")
        rows_case(c, f"activation_{name}", 80 + i, f, 'type = "activation", function = ' + options)
    for i, units in enumerate([1, 9]):
        net = torch.nn.PReLU(units).double()
        net.weight.data = random(g, units).abs()
        rows_case(c, f"prelu_{units}", 120 + i, net, 'type = "prelu", shared = %s' % str(units == 1).lower(), slope=net.weight)
    return c


def rows_case(cases, name, seed, f, text, **parameters):
    """A layer that works row by row."""
    import torch
    g = torch.Generator().manual_seed(seed)
    x = random(g, sum(LENGTHS), 9, scale=2).requires_grad_()
    y = f(x)
    dy = random(g, *y.shape)
    (y * dy).sum().backward()
    cases.case(name, "layer { %s }" % text, length=torch.tensor(LENGTHS), in__0=x, out=y, d_out=dy, d_in__0=x.grad)
    for key, p in parameters.items():
        cases.add(name, f"param.{key}", p)
        cases.add(name, f"d_param.{key}", p.grad)


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
    for i, (name, options, maker, decay, keys) in enumerate([
            ("adam_amsgrad", ", amsgrad = true", o.Adam, 0.0, dict(amsgrad=True)),
            ("adam_amsgrad_coupled", ", amsgrad = true, beta2 = 0.6", o.Adam, d, dict(amsgrad=True, betas=(0.9, 0.6))),
            ("adamw_amsgrad", ", amsgrad = true, beta2 = 0.8", o.AdamW, d, dict(amsgrad=True, betas=(0.9, 0.8))),
            ("adamw", "", o.AdamW, d, {}), ("adamw_betas", ", beta1 = 0.7, beta2 = 0.95", o.AdamW, d, dict(betas=(0.7, 0.95))),
            ("nadam", "", o.NAdam, 0.0, {}),
            ("nadam_decay", ", beta1 = 0.6, momentum_decay = 0.1", o.NAdam, d, dict(betas=(0.6, 0.999), momentum_decay=0.1)),
            ("adagrad", "", o.Adagrad, 0.0, {}),
            ("adagrad_decay", ", rate_decay = 0.1, initial = 0.25", o.Adagrad, d, dict(lr_decay=0.1, initial_accumulator_value=0.25)),
            ("rmsprop", "", o.RMSprop, 0.0, {}), ("rmsprop_decay", ", alpha = 0.8", o.RMSprop, d, dict(alpha=0.8)),
            ("rmsprop_momentum", ", momentum = 0.9", o.RMSprop, d, dict(momentum=0.9)),
            ("rmsprop_centered", ", centered = true", o.RMSprop, 0.0, dict(centered=True)),
            ("rmsprop_both", ", centered = true, momentum = 0.5, alpha = 0.9", o.RMSprop, d,
             dict(centered=True, momentum=0.5, alpha=0.9)),
            ("adadelta", "", o.Adadelta, 0.0, {}), ("adadelta_decay", ", rho = 0.95, epsilon = 1e-4", o.Adadelta, d,
                                                     dict(rho=0.95, eps=1e-4))]):
        optimizer_case(c, name, f'type = "{name.split("_")[0]}"{options}', 320 + i,
                       lambda p, lr, wd, maker=maker, keys=keys: maker(p, lr=lr, weight_decay=wd, **keys), decay=decay)
    return c


FILES = dict(layers=layers, recurrent=recurrent, bidirectional=bidirectional, shapes=shapes, activations=activations, losses=losses,
             optimizers=optimizers, regularizers=regularizers, metrics=metrics, schedules=schedules, tagging=tagging,
             training=training, decoder=decoder, multi_label=multi_label, transforms=transforms)
NEEDS = dict(metrics=["sacrebleu", "sklearn"], multi_label=["sklearn"], transforms=["subword_nmt", "sklearn", "keras"])


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
    passed = failed = skipped = 0
    for name, make in FILES.items():
        missing = [package for package in NEEDS.get(name, []) if not importlib.util.find_spec(package)]
        if missing:
            print(f"skipped: {name}.safetensors, for which there is no {', '.join(missing)}")
            skipped += 1
            continue
        path, made = os.path.join(HERE, name + ".safetensors"), make()
        if not arguments.check:
            made.write(path)
            continue
        why = differs(path, made)
        if why:
            print(f"FAILED: {path} {why} (PyTorch {torch.__version__})")
        passed, failed = passed + (not why), failed + bool(why)
    if arguments.check:
        print(f"references made again: {passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


sys.exit(main())
