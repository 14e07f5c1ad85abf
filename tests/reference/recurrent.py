"""Recurrent layers beside lstm and bilstm as PyTorch has them: its own modules where there are any, else the formula by autograd.
Each sequence is run alone, step by step; one of no steps passes its states on."""
from cases import LENGTHS, Cases, random
from decoder import SOURCE


def walk(xs, first, step, reverse):
    """step(x, states) -> states; the first state is the output. Rows example by example, last states."""
    import torch
    rows, last = [], []
    for b, x in enumerate(xs):
        states, ys = [s[b] for s in first], [None] * len(x)
        for t in reversed(range(len(x))) if reverse else range(len(x)):
            states = step(x[t], states)
            ys[t] = states[0]
        rows += ys
        last.append(states)
    return torch.stack(rows), [torch.stack([s[k] for s in last]) for k in range(len(first))]


def recurrent_case(cases, name, seed, options, width, states, params, step, reverse=False, given=True):
    """states: {name: width}; params: {name: shape}; step(p, x, states) with p.name. Numbers for all of them, and gradients."""
    import torch
    from types import SimpleNamespace
    g = torch.Generator().manual_seed(seed)
    p = {k: random(g, *shape, scale=0.5).requires_grad_() for k, shape in params.items()}
    xs = [random(g, n, width).requires_grad_() for n in LENGTHS]
    first = [(random(g, len(LENGTHS), w) if given else torch.zeros(len(LENGTHS), w).double()).requires_grad_() for w in states.values()]
    y, last = walk(xs, first, lambda x, s: step(SimpleNamespace(**p), x, s), reverse)
    dy, d_last = random(g, *y.shape), [random(g, *s.shape) for s in last]
    ((y * dy).sum() + sum((s * d).sum() for s, d in zip(last, d_last))).backward()
    if reverse:
        options += ", reverse = true"
    cases.case(name, "layer { %s }" % options, length=torch.tensor(LENGTHS), in__0=torch.cat(xs), out=y, d_out=dy,
               d_in__0=torch.cat([x.grad for x in xs if len(x)]))
    for k, value in p.items():
        cases.add(name, f"param.{k}", value)
        cases.add(name, f"d_param.{k}", value.grad)
    for i, k in enumerate(states):
        if given:
            cases.add(name, f"state.{k}", first[i])
            cases.add(name, f"d_state.{k}", first[i].grad if first[i].grad is not None else torch.zeros_like(first[i]))
        cases.add(name, f"next.{k}", last[i])
        cases.add(name, f"d_next.{k}", d_last[i])


def module_case(cases, name, seed, kind, options, width, units, gates, two_biases, **more):
    """nn.RNN or nn.GRU with these parameters, one step at a time: its own code computes the step."""
    import torch
    from torch.func import functional_call
    net = getattr(torch.nn, kind)(width, units, **more.pop("module", {})).double()
    shapes = dict(weight_ih=(gates * units, width), weight_hh=(gates * units, units), bias=(gates * units,))
    if two_biases:
        shapes["bias_hh"] = (gates * units,)

    def step(p, x, states):
        zero = torch.zeros(gates * units).double()
        values = dict(weight_ih_l0=p.weight_ih, weight_hh_l0=p.weight_hh, bias_ih_l0=p.bias,
                      bias_hh_l0=p.bias_hh if two_biases else zero)
        _, h = functional_call(net, values, (x.reshape(1, -1), states[0].reshape(1, -1)))
        return [h.reshape(-1)]

    text = f'type = "{kind.lower()}", units = {units}, recurrent_bias = {str(two_biases).lower()}{options}'
    recurrent_case(cases, name, seed, text, width, dict(state=units), shapes, step, **more)


def gru_step(units, after, two_biases, gate, candidate):
    """The formulas of Cho et al. 2014 (reset before the product) and of PyTorch's documentation (after it)."""
    import torch

    def step(p, x, states):
        h, (pr, pz, pn) = states[0], (p.weight_ih @ x + p.bias).split(units)
        br, bz, bn = p.bias_hh.split(units) if two_biases else (0, 0, 0)
        w = p.weight_hh.split(units)
        r, z = gate(pr + w[0] @ h + br), gate(pz + w[1] @ h + bz)
        n = candidate(pn + r * (w[2] @ h + bn)) if after else candidate(pn + p.weight_hn @ (r * h) + bn)
        return [(1 - z) * n + z * h]

    return step


def gru_case(cases, name, seed, options, width, units, after, two_biases, gate=None, candidate=None, **more):
    import torch
    shapes = dict(weight_ih=(3 * units, width), weight_hh=((3 if after else 2) * units, units), bias=(3 * units,))
    if not after:
        shapes["weight_hn"] = (units, units)
    if two_biases:
        shapes["bias_hh"] = (3 * units,)
    text = f'type = "gru", units = {units}, recurrent_bias = {str(two_biases).lower()}, reset_after = {str(after).lower()}{options}'
    recurrent_case(cases, name, seed, text, width, dict(state=units), shapes,
                   gru_step(units, after, two_biases, gate or torch.sigmoid, candidate or torch.tanh), **more)


def lstm_variant_case(cases, name, seed, options, width, units, two_biases=False, peepholes=False, projection=0, gate=None,
                      squash=None, **more):
    """Gers, Schraudolph and Schmidhuber 2002, equations 2 to 6, for a cell in each block; Sak, Senior and Beaufays 2014, equations 1 to
    6, without the part that is not recurrent."""
    import torch
    gate, squash, h_width = gate or torch.sigmoid, squash or torch.tanh, projection or units
    shapes = dict(weight_ih=(4 * units, width), weight_hh=(4 * units, h_width), bias=(4 * units,))
    if two_biases:
        shapes["bias_hh"] = (4 * units,)
    if peepholes:
        shapes["peephole"] = (3 * units,)
    if projection:
        shapes["weight_hr"] = (projection, units)

    def step(p, x, states):
        h, c = states
        i, f, g, o = (p.weight_ih @ x + p.bias + p.weight_hh @ h + (p.bias_hh if two_biases else 0)).split(units)
        pi, pf, po = p.peephole.split(units) if peepholes else (0, 0, 0)
        new = gate(f + pf * c) * c + gate(i + pi * c) * squash(g)
        m = gate(o + po * new) * squash(new)
        return [p.weight_hr @ m if projection else m, new]

    text = f'type = "lstm", units = {units}'
    text += ", recurrent_bias = true" if two_biases else ""
    text += ", peepholes = true" if peepholes else ""
    text += f", projection = {projection}" if projection else ""
    recurrent_case(cases, name, seed, text + options, width, dict(state=h_width, cell=units), shapes, step, **more)


def lstm1997_case(cases, name, seed, blocks, size, options, width=3, feedback=True, bias="all", truncated=False, **more):
    """Hochreiter and Schmidhuber 1997, appendix A.1, with 4 / (1 + e^-x) - 2 and 2 / (1 + e^-x) - 1 written out. Truncated: what
    arrives from the step before over weights is detached."""
    import torch
    m, wide = blocks * size, blocks * (2 + size)
    shapes = dict(weight_ih=(wide, width), weight_hh=(wide, m))
    if feedback:
        shapes["weight_gh"] = (wide, 2 * blocks)
    if bias != "none":
        shapes["bias"] = (wide if bias == "all" else 2 * blocks,)
    logistic = lambda x: 1 / (1 + torch.exp(-x))
    past = (lambda x: x.detach()) if truncated else (lambda x: x)

    def step(p, x, states):
        z = p.weight_ih @ x + p.weight_hh @ past(states[0])
        if feedback:
            z = z + p.weight_gh @ past(states[2])
        if bias != "none":
            z = z + torch.cat([p.bias, torch.zeros(wide - len(p.bias)).double()])
        y_in, y_out = logistic(z[:blocks]), logistic(z[blocks:2 * blocks])
        g = 4 * logistic(z[2 * blocks:]) - 2
        c = states[1] + y_in.repeat_interleave(size) * g
        y = y_out.repeat_interleave(size) * (2 * logistic(c) - 1)
        return [y, c] + ([torch.cat([y_in, y_out])] if feedback else [])

    states = dict(state=m, cell=m, gates=2 * blocks) if feedback else dict(state=m, cell=m)
    text = f'type = "lstm1997", blocks = {blocks}, cells = {size}, bias = "{bias}", gate_feedback = {str(feedback).lower()}'
    text += ', gradient = "truncated"' if truncated else ""
    recurrent_case(cases, name, seed, text + options, width, states, shapes, step, **more)


def bidirectional_case(c, name, seed, kind, merge, width, units, shared=False):
    """nn.GRU or nn.LSTM with bidirectional=True on each sequence of the examples that tests/recurrent_test.c has; its halves side by
    side, added, or averaged. Shared: both directions are given the same parameters."""
    import torch
    from torch.func import functional_call
    g = torch.Generator().manual_seed(seed)
    net, gates = getattr(torch.nn, kind)(width, units, bidirectional=True, batch_first=True).double(), dict(GRU=3, LSTM=4)[kind]
    cells = [kind.lower()] * 2 if shared else [kind.lower(), kind.lower() + "_2"]
    shapes = dict(weight_ih=(gates * units, width), weight_hh=(gates * units, units), bias=(gates * units,), bias_hh=(gates * units,))
    p = {f"{cell}.{k}": random(g, *shape, scale=0.5).requires_grad_() for cell in dict.fromkeys(cells) for k, shape in shapes.items()}
    theirs = {f"{'bias_ih' if k == 'bias' else k}_l0{half}": p[f"{cell}.{k}"] for cell, half in zip(cells, ("", "_reverse")) for k in shapes}
    xs = [random(g, n, width).requires_grad_() for n in SOURCE]
    names = ["state"] if kind == "GRU" else ["state", "cell"]
    first = [random(g, len(SOURCE), 2 * units).requires_grad_() for _ in names]
    rows, last = [], []
    for b, x in enumerate(xs):
        states = [s[b].reshape(2, units) for s in first]
        if len(x):
            out, states = functional_call(net, theirs, (x, states[0] if kind == "GRU" else tuple(states)))
            halves = out.reshape(len(x), 2, units)
            rows.append(out if merge == "concat" else halves.sum(1) if merge == "sum" else halves.mean(1))
        last.append([s.reshape(-1) for s in ([states] if torch.is_tensor(states) else states)])
    y, ends = torch.cat(rows), [torch.stack([s[k] for s in last]) for k in range(len(names))]
    dy, d_ends = random(g, *y.shape), [random(g, *s.shape) for s in ends]
    ((y * dy).sum() + sum((s * d).sum() for s, d in zip(ends, d_ends))).backward()
    cell = f'{{ type = "{kind.lower()}", units = {units}, recurrent_bias = true }}'
    c.case(name, f'layer {{ type = "bidirectional", cell = {cell}, merge = "{merge}", shared = {str(shared).lower()} }}', in__0=torch.cat(xs),
           out=y, d_out=dy, d_in__0=torch.cat([x.grad for x in xs if len(x)]))
    for k, value in p.items():
        c.add(name, f"param.{k}", value)
        c.add(name, f"d_param.{k}", value.grad)
    for k, state, end, d in zip(names, first, ends, d_ends):
        for key, value in (("state", state), ("d_state", state.grad), ("next", end), ("d_next", d)):
            c.add(name, f"{key}.{k}", value)


def bidirectional():
    """A file of its own: the layers hold others, which takes more than tests/reference_test.c has."""
    c = Cases()
    for i, kind in enumerate(("GRU", "LSTM")):
        for j, merge in enumerate(("concat", "sum", "mean")):
            bidirectional_case(c, f"{kind.lower()}_{merge}", 560 + 3 * i + j, kind, merge, 3, 5)
    bidirectional_case(c, "gru_sum_wide", 570, "GRU", "sum", 17, 19)
    bidirectional_case(c, "lstm_mean_wide", 571, "LSTM", "mean", 18, 17)
    bidirectional_case(c, "lstm_sum_shared", 572, "LSTM", "sum", 4, 6, shared=True)
    return c


def recurrent():
    import torch
    c = Cases()
    module_case(c, "rnn", 500, "RNN", "", 3, 5, 1, False)
    module_case(c, "rnn_two_biases", 501, "RNN", "", 3, 5, 1, True, reverse=True)
    module_case(c, "rnn_no_states", 502, "RNN", "", 17, 19, 1, False, given=False)
    module_case(c, "rnn_relu", 503, "RNN", ', activation = "relu"', 3, 5, 1, False, module=dict(nonlinearity="relu"))
    module_case(c, "gru", 510, "GRU", "", 3, 5, 3, True)
    module_case(c, "gru_one_bias", 511, "GRU", "", 3, 5, 3, False)
    module_case(c, "gru_reverse", 512, "GRU", "", 4, 5, 3, True, reverse=True)
    module_case(c, "gru_no_states", 513, "GRU", "", 17, 19, 3, True, given=False)
    gru_case(c, "gru_before", 520, "", 3, 5, False, True)
    gru_case(c, "gru_before_one_bias", 521, "", 17, 19, False, False, given=False)
    gru_case(c, "gru_before_reverse", 522, "", 3, 18, False, True, reverse=True)
    functions = dict(gate=torch.tanh, candidate=torch.relu)
    gru_case(c, "gru_functions", 523, ', activation = "relu", recurrent_activation = "tanh"', 3, 5, True, True, **functions)
    gru_case(c, "gru_before_functions", 524, ', activation = "relu", recurrent_activation = "tanh"', 3, 5, False, True, **functions)
    swish = dict(gate=torch.sigmoid, candidate=lambda x: x * torch.sigmoid(x))
    gru_case(c, "gru_swish", 525, ', activation = "swish", recurrent_activation = "sigmoid"', 3, 5, True, True, **swish)
    gru_case(c, "gru_before_swish", 526, ', activation = "swish"', 3, 19, False, True, **swish)
    keras = dict(gate=lambda x: torch.clamp(0.2 * x + 0.5, 0, 1))
    keras_text = ', recurrent_activation = { type = "hard_sigmoid", slope = 0.2 }'
    lstm_variant_case(c, "lstm_peepholes", 540, "", 3, 5, peepholes=True)
    lstm_variant_case(c, "lstm_peepholes_reverse", 541, "", 4, 18, two_biases=True, peepholes=True, reverse=True)
    lstm_variant_case(c, "lstm_peepholes_no_states", 542, "", 17, 19, peepholes=True, given=False)
    lstm_variant_case(c, "lstm_peepholes_projection", 543, "", 3, 7, peepholes=True, projection=4)
    lstm_variant_case(c, "lstm_wide_projection", 544, "", 3, 5, two_biases=True, projection=17, given=False, reverse=True)
    lstm_variant_case(c, "lstm_keras1", 545, keras_text, 3, 5, **keras)
    lstm_variant_case(c, "lstm_relu", 546, ', activation = "relu"', 3, 6, squash=torch.relu)
    lstm_variant_case(c, "lstm_all", 547, keras_text + ', activation = "swish"', 3, 9, two_biases=True, peepholes=True, projection=5,
                      squash=lambda x: x * torch.sigmoid(x), reverse=True, **keras)
    lstm_variant_case(c, "lstm_gates_need_input", 548, ', recurrent_activation = "swish", activation = "softplus"', 3, 5, peepholes=True,
                      gate=lambda x: x * torch.sigmoid(x), squash=torch.nn.functional.softplus)
    lstm1997_case(c, "lstm1997", 530, 2, 2, "")
    lstm1997_case(c, "lstm1997_reverse", 531, 3, 1, "", reverse=True)
    lstm1997_case(c, "lstm1997_no_states", 532, 3, 7, "", width=17, given=False)
    lstm1997_case(c, "lstm1997_gate_biases", 533, 4, 1, "", bias="gates")
    lstm1997_case(c, "lstm1997_no_biases", 534, 2, 3, "", bias="none", feedback=False)
    lstm1997_case(c, "lstm1997_truncated", 535, 2, 2, "", truncated=True)
    lstm1997_case(c, "lstm1997_truncated_no_states", 536, 2, 9, "", truncated=True, given=False, bias="gates")
    return c
