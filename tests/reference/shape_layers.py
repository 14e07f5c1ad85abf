"""References of layers that change shapes, normalise or attend: merging, convolution, pooling, repeat, norms, attention. PyTorch
computes each sequence alone; rows lie example by example, and within a step by step."""

from cases import LENGTHS, Cases, random

CHARS = [2, 0, 5, 1, 3, 4, 4, 0, 6, 1, 2, 2, 7, 3, 1, 1, 5, 0, 2, 3, 2, 1, 4]  # for each of the 23 steps
TARGETS = [2, 5, 0, 3, 1, 4, 2]
ROOT, TEXT_LAYOUT, CHARS_LAYOUT, TARGET_LAYOUT = 1, 2, 3, 4


def generator(seed):
    import torch
    return torch.Generator().manual_seed(seed)


def sequences(x, lengths):
    import torch
    return torch.split(x, lengths)


def add_case(c, name, options, g, inputs, y, params=None, layouts=None, lengths=None, chars=None, targets=None):
    """A case from leaves and the output made of them; the gradient of the output is drawn here."""
    dy = random(g, *y.shape)
    (y * dy).sum().backward()
    c.case(name, "layer { %s }" % options, out=y, d_out=dy)
    for i, x in enumerate(inputs):
        c.add(name, f"in.{i}", x)
        if x.requires_grad:
            c.add(name, f"d_in.{i}", x.grad)
        if layouts:
            c.add(name, f"layout.{i}", [layouts[i]])
    for key, p in (params or {}).items():
        c.add(name, f"param.{key}", p)
        c.add(name, f"d_param.{key}", p.grad)
    if lengths is not None:
        c.add(name, "length", lengths)
    if chars is not None:
        c.add(name, f"length.{CHARS_LAYOUT}", chars)
    if targets is not None:
        c.add(name, f"length.{TARGET_LAYOUT}", targets)


# ---- merging ------------------------------------------------------------------------------------------------------------

def merging(c):
    import torch
    n = sum(LENGTHS)
    leaves = lambda g, *widths: [random(g, n, w).requires_grad_() for w in widths]
    g = generator(1)
    x = leaves(g, 3, 20, 1)
    add_case(c, "concat", 'type = "concat"', g, x, torch.cat(x, 1), lengths=LENGTHS)
    for name, f in [("add", torch.add), ("multiply", torch.mul)]:
        for kind, widths in [("two", [19, 19]), ("three", [5, 5, 5]), ("column", [21, 1, 21]), ("column_first", [1, 33])]:
            g = generator(len(name) + len(kind))
            x = leaves(g, *widths)
            y = x[0]
            for other in x[1:]:
                y = f(y, other)
            add_case(c, f"{name}_{kind}", f'type = "{name}"', g, x, y, lengths=LENGTHS)


# ---- windows ------------------------------------------------------------------------------------------------------------

def pads(edges, steps, span, stride):
    """Steps to add on the left and the right so that windows inside are those of `edges`."""
    if edges == "valid":
        return 0, 0
    if edges == "full":
        return span - 1, span - 1
    if edges == "causal":
        return span - 1, 0
    missing = max((-(-steps // stride) - 1) * stride + span - steps, 0)
    return missing // 2, missing - missing // 2


def windowed(x, lengths, edges, span, stride, fill, f, width):
    """f over each padded sequence (1 x width x steps); sequences that have no window give none."""
    import torch
    rows = []
    for s in sequences(x, lengths):
        left, right = pads(edges, len(s), span, stride)
        if len(s) and len(s) + left + right >= span:
            rows.append(f(torch.nn.functional.pad(s.T[None], (left, right), value=fill))[0].T)
    return torch.cat(rows) if rows else torch.zeros(0, width).double()


def conv_case(c, name, seed, filters, window, options="", edges="valid", stride=1, dilation=1, f=lambda x: x, bias=True,
              width=3, chars=False):
    import torch
    g = generator(seed)
    lengths = CHARS if chars else LENGTHS
    x = random(g, sum(lengths), width).requires_grad_()
    params = {"weight": random(g, filters, window, width, scale=0.5).requires_grad_()}
    if bias:
        params["bias"] = random(g, filters).requires_grad_()
    conv = lambda s: torch.nn.functional.conv1d(s, params["weight"].transpose(1, 2), params.get("bias"), stride, 0, dilation)
    y = f(windowed(x, lengths, edges, (window - 1) * dilation + 1, stride, 0.0, conv, filters))
    text = f'type = "conv1d", filters = {filters}, window = {window}, edges = "{edges}", stride = {stride}, dilation = {dilation}'
    add_case(c, name, text + options, g, [x], y, params, [CHARS_LAYOUT if chars else TEXT_LAYOUT], LENGTHS, chars=CHARS if chars else None)


def pool_case(c, name, seed, window, stride, edges="valid", chars=False, width=18):
    import torch
    g = generator(seed)
    lengths = CHARS if chars else LENGTHS
    x = random(g, sum(lengths), width).requires_grad_()
    pool = lambda s: torch.nn.functional.max_pool1d(s, window, stride or window)
    y = windowed(x, lengths, edges, window, stride or window, float("-inf"), pool, width)
    add_case(c, name, f'type = "max_pool1d", window = {window}, stride = {stride}, edges = "{edges}"', g, [x], y, None,
             [CHARS_LAYOUT if chars else TEXT_LAYOUT], LENGTHS, chars=CHARS if chars else None)


def windows(c):
    import torch
    conv_case(c, "conv1d", 20, 4, 3)
    conv_case(c, "conv1d_one_step", 21, 5, 1)
    conv_case(c, "conv1d_wide", 22, 33, 5, width=17)
    conv_case(c, "conv1d_even_same", 23, 4, 4, edges="same")
    conv_case(c, "conv1d_same_stride", 24, 4, 4, edges="same", stride=3)
    conv_case(c, "conv1d_same_far", 25, 2, 2, edges="same", stride=4, dilation=3)
    conv_case(c, "conv1d_full", 26, 4, 3, edges="full")
    conv_case(c, "conv1d_full_stride", 27, 4, 4, edges="full", stride=2)
    conv_case(c, "conv1d_causal", 28, 4, 3, edges="causal", dilation=2)
    conv_case(c, "conv1d_causal_stride", 29, 4, 3, edges="causal", stride=2)
    conv_case(c, "conv1d_dilated", 30, 4, 3, dilation=2, stride=2)
    conv_case(c, "conv1d_relu", 31, 6, 3, ', activation = "relu"', f=torch.relu)
    conv_case(c, "conv1d_tanh_no_bias", 32, 6, 3, ', activation = "tanh", bias = false', f=torch.tanh, bias=False, edges="same")
    conv_case(c, "conv1d_characters", 33, 7, 3, edges="same", chars=True)
    conv_case(c, "conv1d_characters_valid", 34, 7, 3, chars=True)
    pool_case(c, "max_pool1d", 40, 2, 0)
    pool_case(c, "max_pool1d_overlap", 41, 3, 1)
    pool_case(c, "max_pool1d_gaps", 42, 2, 3)
    pool_case(c, "max_pool1d_same", 43, 4, 3, "same")
    pool_case(c, "max_pool1d_same_steps", 44, 4, 1, "same")
    pool_case(c, "max_pool1d_characters", 45, 2, 0, "same", chars=True)


# ---- pooling of whole sequences -------------------------------------------------------------------------------------------

def whole_pool_case(c, kind, seed, mode, chars=False, ties=False, width=19):
    """sum, mean and max: nn.functional.embedding_bag of all rows, a bag for each sequence; an empty bag gives zeros there, too."""
    import torch
    g = generator(seed)
    lengths = CHARS if chars else LENGTHS
    x = random(g, sum(lengths), width)
    x = (x.round() if ties else x).requires_grad_()
    begins = torch.tensor([0] + lengths[:-1]).cumsum(0)
    if mode in ("sum", "mean", "max"):
        y = torch.nn.functional.embedding_bag(torch.arange(len(x)), x, begins, mode=mode)
    else:
        y = torch.stack([s[0 if mode == "first" else -1] if len(s) else torch.zeros(width).double() for s in sequences(x, lengths)])
    name = kind + ("_characters" if chars else "_ties" if ties else "_steps")
    add_case(c, name, f'type = "{kind}"', g, [x], y, None, [CHARS_LAYOUT if chars else TEXT_LAYOUT], LENGTHS, CHARS if chars else None)


def whole_pools(c):
    for i, (kind, mode) in enumerate([("max", "max"), ("global_max", "max"), ("mean", "mean"), ("sum", "sum"), ("last", "last"),
                                      ("first", "first")]):
        whole_pool_case(c, kind, 110 + i, mode)
        if kind != "first":  # its case of characters is among the rows
            whole_pool_case(c, kind, 120 + i, mode, chars=True, width=5)
        if mode == "max":
            whole_pool_case(c, kind, 130 + i, mode, ties=True)


# ---- rows ---------------------------------------------------------------------------------------------------------------

def moved_rows(c):
    import torch
    n = sum(LENGTHS)
    g = generator(50)
    x = random(g, len(LENGTHS), 19).requires_grad_()
    y = torch.cat([row[None].repeat(3, 1) for row in x])
    add_case(c, "repeat", 'type = "repeat", times = 3', g, [x], y, None, [ROOT])
    g = generator(51)
    x, story = random(g, len(LENGTHS), 35).requires_grad_(), random(g, n, 2)
    y = torch.cat([x[b:b + 1].expand(k, -1) for b, k in enumerate(LENGTHS)])
    add_case(c, "repeat_over", 'type = "repeat"', g, [x, story], y, None, [ROOT, TEXT_LAYOUT], LENGTHS)
    g = generator(52)
    x, letters = random(g, n, 5).requires_grad_(), random(g, sum(CHARS), 1)
    y = torch.cat([x[w:w + 1].expand(k, -1) for w, k in enumerate(CHARS)])
    add_case(c, "repeat_over_characters", 'type = "repeat"', g, [x, letters], y, None, [TEXT_LAYOUT, CHARS_LAYOUT], LENGTHS, CHARS)
    g = generator(53)
    x, letters = random(g, len(LENGTHS), 3).requires_grad_(), random(g, sum(CHARS), 1)
    over = [sum(s.tolist()) for s in sequences(torch.tensor(CHARS), LENGTHS)]
    y = torch.cat([x[b:b + 1].expand(k, -1) for b, k in enumerate(over)])
    add_case(c, "repeat_two_below", 'type = "repeat"', g, [x, letters], y, None, [ROOT, CHARS_LAYOUT], LENGTHS, CHARS)
    g = generator(54)
    x = random(g, n, 19).requires_grad_()
    add_case(c, "reverse", 'type = "reverse"', g, [x], torch.cat([s.flip(0) for s in sequences(x, LENGTHS)]), lengths=LENGTHS)
    g = generator(55)
    x = random(g, sum(CHARS), 6).requires_grad_()
    y = torch.cat([s[:1] if len(s) else torch.zeros(1, 6).double() for s in sequences(x, CHARS)])
    add_case(c, "first", 'type = "first"', g, [x], y, None, [CHARS_LAYOUT], LENGTHS, CHARS)
    for name, options, columns in [("slice", "from = 2, width = 17", slice(2, 19)), ("slice_rest", "from = 20", slice(20, None))]:
        g = generator(56)
        x = random(g, n, 23).requires_grad_()
        add_case(c, name, f'type = "slice", {options}', g, [x], x[:, columns], lengths=LENGTHS)


# ---- norms and gates ----------------------------------------------------------------------------------------------------

def norms(c):
    import torch
    n = sum(LENGTHS)
    f = torch.nn.functional
    for name, seed, width, options, scale, center in [("layer_norm", 60, 37, "", True, True), ("layer_norm_narrow", 61, 5, "", True, True),
                                                      ("layer_norm_plain", 62, 16, ", scale = false, center = false, epsilon = 0.01", False, False)]:
        g = generator(seed)
        x = random(g, n, width, scale=3).requires_grad_()
        weight, bias = random(g, width).requires_grad_(), random(g, width).requires_grad_()
        params = {**({"weight": weight} if scale else {}), **({"bias": bias} if center else {})}
        y = f.layer_norm(x, [width], params.get("weight"), params.get("bias"), 0.01 if "epsilon" in options else 1e-5)
        add_case(c, name, f'type = "layer_norm"{options}', g, [x], y, params, lengths=LENGTHS)
    for name, seed, options, width in [("batch_norm", 63, "", 35), ("batch_norm_far", 64, "", 3)]:
        g = generator(seed)
        x = (random(g, n, width, scale=3) + (40 if "far" in name else 0)).float().double().requires_grad_()
        params = {"weight": random(g, width).requires_grad_(), "bias": random(g, width).requires_grad_()}
        y = f.batch_norm(x, None, None, params["weight"], params["bias"], True)
        add_case(c, name, f'type = "batch_norm"{options}', g, [x], y, params, lengths=LENGTHS)
    for name, seed, act, width in [("highway", 65, "tanh", 19), ("highway_relu", 66, "relu", 7)]:
        g = generator(seed)
        x = random(g, n, width).requires_grad_()
        params = {}
        for key in ["weight", "gate_weight"]:
            params[key] = random(g, width, width, scale=0.4).requires_grad_()
        for key in ["bias", "gate_bias"]:
            params[key] = random(g, width).requires_grad_()
        h = getattr(torch, act)(f.linear(x, params["weight"], params["bias"]))
        t = torch.sigmoid(f.linear(x, params["gate_weight"], params["gate_bias"]))
        add_case(c, name, f'type = "highway", activation = "{act}"', g, [x], t * h + (1 - t) * x, params, lengths=LENGTHS)


# ---- attention ----------------------------------------------------------------------------------------------------------

def attention_pool_case(c, name, seed, width, units, chars=False, bias=True):
    import torch
    g = generator(seed)
    lengths = CHARS if chars else LENGTHS
    x = random(g, sum(lengths), width).requires_grad_()
    params = {"weight": random(g, units, width, scale=0.5).requires_grad_(), "context": random(g, units).requires_grad_()}
    if bias:
        params["bias"] = random(g, units).requires_grad_()
    rows, weights = [], []
    for s in sequences(x, lengths):
        u = torch.tanh(torch.nn.functional.linear(s, params["weight"], params.get("bias")))
        a = torch.softmax(u @ params["context"], 0)
        rows.append(a @ s)
        weights.append(a)
    options = f'type = "attention_pool", units = {0 if units == width else units}' + ("" if bias else ", bias = false")
    add_case(c, name, options, g, [x], torch.stack(rows), params, [CHARS_LAYOUT if chars else TEXT_LAYOUT], LENGTHS,
             CHARS if chars else None)
    c.add(name, "out.weights", torch.cat(weights)[:, None])


def self_attention_case(c, name, seed, width, heads, causal=False, bias=True, chars=False):
    import torch
    g = generator(seed)
    lengths = CHARS if chars else LENGTHS
    net = torch.nn.MultiheadAttention(width, heads, bias=bias, batch_first=True).double()
    for p in net.parameters():
        p.data = random(g, *p.shape, scale=0.5)
    x = random(g, sum(lengths), width).requires_grad_()
    rows = []
    for s in sequences(x, lengths):
        if len(s):
            mask = torch.triu(torch.ones(len(s), len(s), dtype=torch.bool), 1) if causal else None
            rows.append(net(s[None], s[None], s[None], attn_mask=mask)[0][0])
    params = {"weight": net.in_proj_weight, "out_weight": net.out_proj.weight}
    if bias:
        params.update(bias=net.in_proj_bias, out_bias=net.out_proj.bias)
    options = f'type = "self_attention", heads = {heads}' + (", causal = true" if causal else "") + ("" if bias else ", bias = false")
    add_case(c, name, options, g, [x], torch.cat(rows), params, [CHARS_LAYOUT if chars else TEXT_LAYOUT], LENGTHS,
             CHARS if chars else None)


def narrow_self_attention(c):
    """More units than inputs, which nn.MultiheadAttention lacks: from its formula."""
    import torch
    g = generator(84)
    width, units, heads = 6, 20, 2
    x = random(g, sum(LENGTHS), width).requires_grad_()
    params = {"weight": random(g, 3 * units, width, scale=0.5).requires_grad_(), "bias": random(g, 3 * units).requires_grad_(),
              "out_weight": random(g, width, units).requires_grad_(), "out_bias": random(g, width).requires_grad_()}
    rows = []
    for s in sequences(x, LENGTHS):
        if not len(s):
            continue
        q, k, v = [t.reshape(len(s), heads, -1).transpose(0, 1) for t in (s @ params["weight"].T + params["bias"]).chunk(3, 1)]
        m = torch.nn.functional.scaled_dot_product_attention(q[None], k[None], v[None])[0]
        rows.append(m.transpose(0, 1).reshape(len(s), units) @ params["out_weight"].T + params["out_bias"])
    add_case(c, "self_attention_units", f'type = "self_attention", heads = {heads}, units = {units}', g, [x], torch.cat(rows), params,
             lengths=LENGTHS)


def positions_case(c, name, seed, width, options, scale):
    """P from the formula of the paper, pair by pair."""
    import math
    import torch
    g = generator(seed)
    x = random(g, sum(LENGTHS), width).requires_grad_()
    rows = []
    for s in sequences(x, LENGTHS):
        p = torch.zeros(len(s), width).double()
        for t in range(len(s)):
            for i in range((width + 1) // 2):
                angle = t / 10000 ** (2 * i / width)
                p[t, 2 * i] = math.sin(angle)
                if 2 * i + 1 < width:
                    p[t, 2 * i + 1] = math.cos(angle)
        rows.append(scale * s + p)
    add_case(c, name, f'type = "positions"{options}', g, [x], torch.cat(rows), lengths=LENGTHS)


def attention_case(c, name, seed, score, widths, queries=TARGET_LAYOUT, keys=TEXT_LAYOUT, units=0, scale=False, bias=True, values=0):
    """Each example's (or word's) queries over its own keys; PyTorch's function where it has one, else the papers' formulas."""
    import torch
    f = torch.nn.functional
    g = generator(seed)
    lengths = {ROOT: [1] * len(LENGTHS), TEXT_LAYOUT: LENGTHS, CHARS_LAYOUT: CHARS, TARGET_LAYOUT: TARGETS}
    per_word = keys == CHARS_LAYOUT
    q_lengths = [1] * sum(LENGTHS) if per_word else lengths[queries]
    k_lengths = lengths[keys]
    q = random(g, sum(q_lengths), widths[0]).requires_grad_()
    k = random(g, sum(k_lengths), widths[1]).requires_grad_()
    v = random(g, sum(k_lengths), values).requires_grad_() if values else k
    params, u = {}, units or widths[0]
    if score == "general":
        params["weight"] = random(g, widths[0], widths[1], scale=0.5).requires_grad_()
    if score == "additive":
        params["key_weight"] = random(g, u, widths[1], scale=0.5).requires_grad_()
        params["query_weight"] = random(g, u, widths[0], scale=0.5).requires_grad_()
        params["context"] = random(g, u).requires_grad_()
        if bias:
            params["bias"] = random(g, u).requires_grad_()
    rows = []
    for a, b, x in zip(sequences(q, q_lengths), sequences(k, k_lengths), sequences(v, k_lengths)):
        if not len(a) or not len(b):
            rows.append(torch.zeros(len(a), x.shape[1]).double())
        elif score == "dot":
            rows.append(f.scaled_dot_product_attention(a[None], b[None], x[None], scale=None if scale else 1.0)[0])
        elif score == "general":
            e = torch.einsum("qi,ij,kj->qk", a, params["weight"], b) / (widths[0] ** 0.5 if scale else 1)
            rows.append(torch.softmax(e, 1) @ x)
        else:
            h = torch.tanh(f.linear(a, params["query_weight"], params.get("bias"))[:, None] + f.linear(b, params["key_weight"])[None])
            rows.append(torch.softmax(h @ params["context"], 1) @ x)
    options = f'type = "attention", score = "{score}", units = {units}'
    options += (", scale = true" if scale else "") + ("" if bias else ", bias = false")
    add_case(c, name, options, g, [q, k] + ([v] if values else []), torch.cat(rows), params,
             [TEXT_LAYOUT if per_word else queries, keys, keys], LENGTHS, CHARS if per_word else None, TARGETS)


def attending(c):
    attention_pool_case(c, "attention_pool", 80, 19, 19)
    attention_pool_case(c, "attention_pool_units", 81, 5, 34, chars=True)
    attention_pool_case(c, "attention_pool_no_bias", 82, 33, 4, bias=False)
    self_attention_case(c, "self_attention", 83, 5, 1)
    self_attention_case(c, "self_attention_heads", 85, 36, 4)
    self_attention_case(c, "self_attention_causal", 86, 16, 2, causal=True)
    self_attention_case(c, "self_attention_no_bias", 87, 6, 3, bias=False)
    self_attention_case(c, "self_attention_characters", 88, 6, 2, chars=True)
    narrow_self_attention(c)
    attention_case(c, "attention_dot", 91, "dot", [19, 19])
    attention_case(c, "attention_dot_scaled", 92, "dot", [6, 6], scale=True, values=35)
    attention_case(c, "attention_dot_of_words", 93, "dot", [5, 5], queries=TEXT_LAYOUT)
    attention_case(c, "attention_general", 94, "general", [7, 18])
    attention_case(c, "attention_general_scaled", 95, "general", [17, 4], queries=ROOT, scale=True)
    attention_case(c, "attention_additive", 96, "additive", [5, 6])
    attention_case(c, "attention_additive_units", 97, "additive", [5, 6], units=37, values=3)
    attention_case(c, "attention_additive_no_bias", 98, "additive", [18, 3], queries=ROOT, bias=False)
    attention_case(c, "attention_over_characters", 99, "additive", [5, 4], keys=CHARS_LAYOUT, units=20)
    positions_case(c, "positions", 89, 37, "", 1)
    positions_case(c, "positions_scaled", 90, 6, ", scale = true", 6 ** 0.5)


def shapes():
    c = Cases()
    merging(c)
    windows(c)
    whole_pools(c)
    moved_rows(c)
    norms(c)
    attending(c)
    return c
