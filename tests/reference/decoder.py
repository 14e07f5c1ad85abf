"""attention_decoder with every step fed by the target: one sequence after the other, PyTorch's own cells, autograd."""
from cases import Cases, random

# steps of the examples that tests/decoder_test.c has
SOURCE, TARGET = [3, 0, 5, 3, 1, 0, 2, 5], [2, 4, 0, 2, 3, 1, 4, 0]


def scores(p, kind, s, v):
    """Of each row of v for the state s: Bahdanau et al. 2015, Luong et al. 2015."""
    import torch
    if kind == "additive":
        return torch.tanh(s @ p["attention_query_weight"].T + v @ p["attention_key_weight"].T + p["attention_bias"]) @ p["attention_context"]
    return torch.einsum("q,qc,tc->t", s, p["attention_weight"], v) if kind == "general" else v @ s


def cell_of(kind, p, width, units):
    """step(x, states) -> states by nn.GRUCell or nn.LSTMCell."""
    import torch
    from torch.func import functional_call
    net = (torch.nn.GRUCell if kind == "gru" else torch.nn.LSTMCell)(width, units).double()
    second = p["gru.bias_hh"] if kind == "gru" else torch.zeros(4 * units).double()
    values = dict(weight_ih=p[f"{kind}.weight_ih"], weight_hh=p[f"{kind}.weight_hh"], bias_ih=p[f"{kind}.bias"], bias_hh=second)

    def step(x, states):
        before = tuple(s.reshape(1, -1) for s in states)
        after = functional_call(net, values, (x.reshape(1, -1), before[0] if kind == "gru" else before))
        return [s.reshape(-1) for s in ([after] if kind == "gru" else after)]

    return step


def shapes_of(attention, cell, e, c, h, u, v, read):
    gates = 3 if cell == "gru" else 4
    shapes = {"embedding_weight": (v, e), "output_weight": (v, read), "output_bias": (v,),
              f"{cell}.weight_ih": (gates * h, e + c), f"{cell}.weight_hh": (gates * h, h), f"{cell}.bias": (gates * h,)}
    if cell == "gru":
        shapes["gru.bias_hh"] = (gates * h,)
    if attention == "general":
        shapes["attention_weight"] = (h, c)
    if attention == "additive":
        shapes |= {"attention_key_weight": (u, c), "attention_query_weight": (u, h), "attention_bias": (u,), "attention_context": (u,)}
    return shapes


def decoder_case(cases, name, seed, attention, cell, e=4, c=5, h=6, u=3, v=7, reads=("state", "context", "embedding"), scale=False):
    import torch
    g = torch.Generator().manual_seed(seed)
    context = 0 if attention == "none" else c
    width = dict(state=h, context=context, embedding=e)
    shapes = shapes_of(attention, cell, e, context, h, u, v, sum(width[k] for k in reads))
    p = {k: random(g, *shape, scale=0.5).requires_grad_() for k, shape in shapes.items()}
    ids = [torch.randint(v, (n,), generator=g) for n in TARGET]
    source = [random(g, n, c).requires_grad_() for n in SOURCE]
    names = ["state"] if cell == "gru" else ["state", "cell"]
    first = [random(g, len(TARGET), h).requires_grad_() for _ in names]
    step, rows, last = cell_of(cell, p, e + context, h), [], []
    for b, words in enumerate(ids):
        states = [s[b] for s in first]
        for word in words:
            heard, seen = p["embedding_weight"][word], torch.zeros(context).double()
            if len(source[b]) and context:
                weights = torch.softmax(scores(p, attention, states[0], source[b]) * (h ** -0.5 if scale else 1), 0)
                seen = weights @ source[b]
            states = step(torch.cat([heard, seen]), states)
            parts = dict(state=states[0], context=seen, embedding=heard)
            rows.append(p["output_weight"] @ torch.cat([parts[k] for k in reads]) + p["output_bias"])
        last.append(states)
    y, ends = torch.stack(rows), [torch.stack([s[k] for s in last]) for k in range(len(names))]
    dy, d_ends = random(g, *y.shape), [random(g, *s.shape) for s in ends]
    ((y * dy).sum() + sum((s * d).sum() for s, d in zip(ends, d_ends))).backward()
    text = f'type = "attention_decoder", embedding = {{ width = {e} }}, cell = {{ type = "{cell}", units = {h} }}'
    text += f', attention = {{ type = "{attention}", units = {u}, scale = {str(scale).lower()} }}'
    text += f', output = {{ reads = {list(reads)} }}'
    cases.case(name, "layer { %s }" % text, classes__0=torch.tensor([v]), in__0=torch.cat(ids), in__1=torch.cat(source), out=y, d_out=dy,
               d_in__1=torch.cat([torch.zeros_like(x) if x.grad is None else x.grad for x in source]))
    for k, value in p.items():
        cases.add(name, f"param.{k}", value)
        cases.add(name, f"d_param.{k}", value.grad)
    for k, state, end, d in zip(names, first, ends, d_ends):
        for key, value in (("state", state), ("d_state", state.grad), ("next", end), ("d_next", d)):
            cases.add(name, f"{key}.{k}", value)


def decoder():
    c = Cases()
    for i, attention in enumerate(("additive", "dot", "general")):
        for j, cell in enumerate(("gru", "lstm")):
            decoder_case(c, f"{attention}_{cell}", 900 + 2 * i + j, attention, cell, h=5 if attention == "dot" else 6)
    decoder_case(c, "state_alone", 910, "additive", "gru", reads=("state",))
    decoder_case(c, "another_order", 911, "general", "lstm", reads=("embedding", "state"), scale=True)
    decoder_case(c, "scaled_dot", 912, "dot", "gru", h=5, reads=("context", "state"), scale=True)
    decoder_case(c, "none_gru", 914, "none", "gru")
    decoder_case(c, "none_lstm", 915, "none", "lstm", reads=("state",))
    decoder_case(c, "wide", 913, "additive", "lstm", e=17, c=18, h=19, u=21, v=37)
    return c
