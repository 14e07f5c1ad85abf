"""Losses: value, gradient and probabilities by PyTorch."""
from cases import LENGTHS, Cases, random

VALUES, PROBABILITIES, LOG_PROBABILITIES = 0, 2, 3


def loss_case(cases, name, text, seed, f, x, target, means=VALUES, classes=0, probability=None, length=None, count=None,
              **parameters):
    import torch
    g = torch.Generator().manual_seed(seed)
    x = x.float().double().requires_grad_()
    y = f(x, target)
    dy = random(g, *y.shape)
    (y * dy).sum().backward()
    cases.case(name, text, in__0=x, in__1=target, means__0=[means], out=y.reshape(-1, 1), d_out=dy.reshape(-1, 1), d_in__0=x.grad)
    if count is not None:
        cases.add(name, "out.count", count)
    for key, p in parameters.items():
        cases.add(name, f"param.{key}", p)
        cases.add(name, f"d_param.{key}", p.grad)
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
    errors(c, g, n, ids)
    weighted(c, g, n, ids)
    several_labels(c, g, n)
    focal(c, g, n, ids)
    soft_f1(c, g, n, ids)
    ordinal(c, g, n)
    ctc(c, g)
    activity(c)
    return c


def errors(c, g, n, ids):
    from torch.nn import functional as F
    row = lambda f, **k: lambda a, t: f(a, t.double().reshape(a.shape), reduction="none", **k).mean(-1)
    loss_case(c, "mae", 'loss { type = "mae" }', 20, row(F.l1_loss), random(g, n, 4), random(g, n, 4), length=LENGTHS)
    loss_case(c, "mae_of_classes", 'loss { type = "mae" }', 21, row(F.l1_loss), random(g, n, 1), ids, classes=7)
    for i, delta in enumerate([1.0, 0.3, 2.5]):
        text = 'loss { type = "huber"%s }' % ("" if delta == 1 else f", delta = {delta}")
        loss_case(c, f"huber_{i}", text, 22 + i, row(F.huber_loss, delta=delta), random(g, n, 4, scale=2), random(g, n, 4), length=LENGTHS)


def weighted(c, g, n, ids):
    """cross_entropy and its options, in every combination, from each kind of input."""
    import torch
    from torch.nn import functional as F
    w = torch.tensor([1.0, 0.5, 2.0, 0.25, 3.0, 1.5, 0.0]).double()
    x, soft = random(g, n, 7, scale=4), lambda a: torch.softmax(a, -1)
    some = "class_weights = %s" % [v.item() for v in w]
    for i, (name, options) in enumerate(dict(weights=dict(weight=w), smooth=dict(label_smoothing=0.2), both=dict(weight=w, label_smoothing=0.1),
                                             all=dict(weight=w, label_smoothing=0.3, ignore_index=4)).items()):
        text = [some] if "weight" in options else []
        text += [f"label_smoothing = {options['label_smoothing']}"] if "label_smoothing" in options else []
        text += ["ignore = 4"] if "ignore_index" in options else []
        text = 'loss { type = "cross_entropy", %s }' % ", ".join(text)
        f = lambda a, t: F.cross_entropy(a, t, reduction="none", **options)
        count = w[ids] * (ids != options.get("ignore_index", -1)) if "weight" in options else None
        loss_case(c, f"cross_entropy_{name}", text, 30 + i, f, x, ids, classes=7, probability=soft, length=LENGTHS, count=count)
        p = soft(x / 2)
        loss_case(c, f"cross_entropy_{name}_probabilities", text, 40 + i, lambda a, t: f_of_logs(torch.log(a), t, options), p, ids,
                  means=PROBABILITIES, classes=7, count=count)
        loss_case(c, f"cross_entropy_{name}_logarithms", text, 50 + i, lambda a, t: f_of_logs(a, t, options), torch.log(p), ids,
                  means=LOG_PROBABILITIES, classes=7, count=count)


def f_of_logs(a, t, options):
    """The same from logarithms of probabilities, by the definition."""
    import torch
    w, s = options.get("weight", torch.ones(a.shape[1]).double()), options.get("label_smoothing", 0.0)
    y = -(1 - s) * w[t] * a.gather(1, t[:, None].long())[:, 0] - s / a.shape[1] * (w * a).sum(-1)
    return torch.where(t == options.get("ignore_index", -1), torch.zeros_like(y), y)


def several_labels(c, g, n):
    import torch
    from torch.nn import functional as F
    t = (torch.rand(n, 4, generator=g) < 0.3).double()
    x, w = random(g, n, 4, scale=4), torch.tensor([1.0, 3.0, 0.5, 12.0]).double()
    x[0, 0], x[1, 1], x[2, 2], x[3, 3] = 60.0, -60.0, 100.0, -100.0
    many = "pos_weight = [1, 3, 0.5, 12]"
    f = lambda w, s=0.0: lambda a, b: F.binary_cross_entropy_with_logits(a, b * (1 - s) + s / 2, pos_weight=w, reduction="none").mean(-1)
    loss_case(c, "binary_cross_entropy_pos_weights", 'loss { type = "binary_cross_entropy", %s }' % many, 60, f(w), x, t, length=LENGTHS,
              probability=torch.sigmoid)
    loss_case(c, "binary_cross_entropy_pos_weight", 'loss { type = "binary_cross_entropy", pos_weight = [9] }', 61,
              f(torch.tensor(9.0).double()), x, t)
    loss_case(c, "binary_cross_entropy_smooth", 'loss { type = "binary_cross_entropy", label_smoothing = 0.1, %s }' % many, 62, f(w, 0.1), x, t)
    yes = t[:, 0].int()
    loss_case(c, "binary_cross_entropy_pos_weight_ids", 'loss { type = "binary_cross_entropy", pos_weight = [0.2] }', 63,
              lambda a, b: f(torch.tensor(0.2).double())(a, b.double()[:, None]), x[:, :1], yes, classes=2)
    q = torch.sigmoid(x.clamp(-8, 8))
    by_hand = lambda a, b: -(w * b * torch.log(a) + (1 - b) * torch.log(1 - a)).mean(-1)
    loss_case(c, "binary_cross_entropy_pos_weight_probabilities", 'loss { type = "binary_cross_entropy", %s }' % many, 64, by_hand, q, t,
              means=PROBABILITIES, probability=lambda a: a)


def focal(c, g, n, ids):
    """By the formula of the paper; the derivatives are PyTorch's."""
    import torch
    from torch.nn import functional as F

    def binary(alpha, gamma):
        def f(a, t):
            t = t.double().reshape(a.shape)
            p = torch.sigmoid(a)
            ce = F.binary_cross_entropy_with_logits(a, t, reduction="none")
            rest = 1 - (p * t + (1 - p) * (1 - t))
            weight = 1 if alpha < 0 else alpha * t + (1 - alpha) * (1 - t)
            return (weight * rest ** gamma * ce).mean(-1)
        return f

    def multi(gamma, w, ignore=-1):
        def f(a, t):
            log_p = torch.log_softmax(a, -1).gather(1, t[:, None].long())[:, 0]
            y = -w[t] * (1 - torch.exp(log_p)) ** gamma * log_p
            return torch.where(t == ignore, torch.zeros_like(y), y)
        return f

    x = random(g, n, 4, scale=3)
    yes = (torch.rand(n, 4, generator=g) < 0.4).double()
    loss_case(c, "focal", 'loss { type = "focal" }', 70, binary(0.25, 2.0), x, yes, length=LENGTHS, probability=torch.sigmoid)
    loss_case(c, "focal_gamma", 'loss { type = "focal", gamma = 0.5, alpha = -1.0 }', 71, binary(-1, 0.5), x, yes)
    loss_case(c, "focal_cross_entropy", 'loss { type = "focal", gamma = 0.0, alpha = 0.6 }', 72, binary(0.6, 0.0), x, yes)
    loss_case(c, "focal_ids", 'loss { type = "focal", gamma = 3.0 }', 73, binary(0.25, 3.0), x[:, :1], yes[:, 0].int(), classes=2,
              probability=lambda a: torch.cat([torch.sigmoid(-a), torch.sigmoid(a)], 1))
    x, w = random(g, n, 7, scale=3), torch.tensor([1.0, 0.5, 2.0, 0.25, 3.0, 1.5, 1.0]).double()
    soft = lambda a: torch.softmax(a, -1)
    loss_case(c, "focal_classes", 'loss { type = "focal" }', 74, multi(2.0, torch.ones(7).double()), x, ids, classes=7, probability=soft,
              length=LENGTHS)
    loss_case(c, "focal_weights", 'loss { type = "focal", gamma = 1.5, ignore = 1, class_weights = %s }' % [v.item() for v in w], 75,
              multi(1.5, w, 1), x, ids, classes=7, count=w[ids] * (ids != 1))


def by_sequence(f):
    """One value for each sequence of LENGTHS."""
    import torch

    def each(a, t):
        at, out = 0, []
        for length in LENGTHS:
            out.append(f(a[at:at + length], t[at:at + length]))
            at += length
        return torch.stack(out)
    return each


def soft_f1(c, g, n, ids):
    import torch

    def f1(p, t, s, macro):
        h, both = (p * t).sum(0), (p + t).sum(0)
        if not macro:
            h, both = h.sum(), both.sum()
        return 1 - ((2 * h + s) / (both + s)).mean()

    def labels(s, macro, squash=torch.sigmoid):
        return lambda a, t: torch.stack([f1(squash(a[i:i + 1]), t[i:i + 1], s, macro) for i in range(len(a))])

    x = random(g, n, 4, scale=2)
    yes = (torch.rand(n, 4, generator=g) < 0.4).double()
    loss_case(c, "soft_f1", 'loss { type = "soft_f1" }', 80, labels(1.0, False), x, yes, probability=torch.sigmoid)
    loss_case(c, "soft_f1_macro", 'loss { type = "soft_f1", average = "macro", smooth = 0.1 }', 81, labels(0.1, True), x, yes)
    loss_case(c, "soft_f1_probabilities", 'loss { type = "soft_f1" }', 82, labels(1.0, False, lambda a: a), torch.sigmoid(x), yes,
              means=PROBABILITIES)
    steps = lambda s, macro: by_sequence(lambda a, t: f1(torch.sigmoid(a), t.double().reshape(a.shape), s, macro))
    loss_case(c, "soft_f1_steps", 'loss { type = "soft_f1", smooth = 0.5 }', 83, steps(0.5, False), x, yes, length=LENGTHS)
    loss_case(c, "soft_f1_steps_ids", 'loss { type = "soft_f1" }', 84, steps(1.0, False), x[:, :1], yes[:, 0].int(), classes=2,
              length=LENGTHS, probability=lambda a: torch.cat([torch.sigmoid(-a), torch.sigmoid(a)], 1))
    one_hot = lambda t: torch.nn.functional.one_hot(t.long(), 7).double()
    x = random(g, n, 7, scale=2)
    for i, average in enumerate(["micro", "macro"]):
        f = by_sequence(lambda a, t: f1(torch.softmax(a, -1), one_hot(t), 1.0, average == "macro"))
        loss_case(c, f"soft_f1_classes_{average}", f'loss {{ type = "soft_f1", average = "{average}" }}', 85 + i, f, x, ids, classes=7,
                  length=LENGTHS, probability=lambda a: torch.softmax(a, -1))


def ordinal(c, g, n):
    """Differences of the logistic function, as the model is written down, in float64."""
    import torch
    for i, classes in enumerate([2, 3, 6]):
        cuts = random(g, classes - 1).requires_grad_()
        ids = torch.randint(0, classes, (n,), generator=g)

        def probabilities(a):
            rest = torch.exp(cuts[1:])
            h = torch.cat([cuts[:1], cuts[:1] + torch.cumsum(rest, 0)])
            below = torch.sigmoid(h[None, :] - a)
            edge = torch.zeros(len(a), 1).double()
            return torch.diff(torch.cat([edge, below, edge + 1], 1), dim=1)

        f = lambda a, t: -torch.log(probabilities(a).gather(1, t[:, None].long())[:, 0])
        loss_case(c, f"ordinal_{classes}", 'loss { type = "ordinal" }', 90 + i, f, random(g, n, 1, scale=2), ids, classes=classes,
                  length=LENGTHS if i else None, probability=probabilities, cuts=cuts)


def ctc(c, g):
    """torch.nn.functional.ctc_loss on each example alone, through log_softmax, so that the gradient is that of the logits."""
    import torch
    from torch.nn import functional as F
    frames, labels, classes = [12, 5, 1, 0, 30, 4, 60, 3], [3, 2, 1, 0, 9, 0, 20, 3], 6
    rows = sum(frames)
    for i, blank in enumerate(["last", "first", "log_softmax"]):
        x = random(g, rows, classes + 1, scale=3)
        ids = torch.randint(0, classes, (sum(labels),), generator=g)
        ids[-3:] = torch.tensor([2, 2, 1])  # the last one needs 4 frames and has 3: no alignment
        given = blank == "log_softmax"

        def f(a, t):
            out, at, of = [], 0, 0
            for n, m in zip(frames, labels):
                p = a[at:at + n] if given else torch.log_softmax(a[at:at + n], -1)
                target = t[of:of + m].long() + (blank == "first")
                at, of = at + n, of + m
                if n == 0:
                    out.append(torch.zeros(()).double())
                    continue
                out.append(F.ctc_loss(p[:, None], target[None], [n], [m], blank=0 if blank == "first" else classes, reduction="none",
                                      zero_infinity=True)[0])
            return torch.stack(out)

        if given:  # the derivative by the logarithms themselves: torch's adds the p_j of a softmax before
            x = torch.log_softmax(x, -1)
        loss_case(c, f"ctc_{blank}", 'loss { type = "ctc"%s }' % (', blank = "first"' if blank == "first" else ""), 100 + i, f, x, ids,
                  classes=classes, length=frames, means=LOG_PROBABILITIES if given else VALUES)
        c.add(f"ctc_{blank}", "length.4", labels)
        c.add(f"ctc_{blank}", "layout.1", [4])
        if given:
            fix_log_gradient(c, f"ctc_{blank}", frames)


def fix_log_gradient(c, name, frames):
    """torch gives dy (e^x - posterior) as the gradient by log probabilities x; ours is -dy posterior."""
    import numpy
    x, d = c.tensors[f"{name}/in.0"].astype("f8"), c.tensors[f"{name}/d_in.0"].astype("f8")
    dy = numpy.repeat(c.tensors[f"{name}/d_out"][:, 0].astype("f8"), frames)[:, None]
    possible = (numpy.abs(d).sum(1, keepdims=True) > 0)
    c.tensors[f"{name}/d_in.0"] = numpy.where(possible, d - dy * numpy.exp(x), 0).astype("f4")


def activity_case(cases, name, options, seed, f, temporal):
    """A penalty on rows, or on the difference to the row of the step before, which the first one lacks."""
    import torch
    g = torch.Generator().manual_seed(seed)
    x = random(g, sum(LENGTHS), 5, scale=2).requires_grad_()
    rows, count = [], []
    for h in x.split(LENGTHS):
        first = min(len(h), 1) if temporal else 0
        rows += [x.new_zeros(first), f(h[1:] - h[:-1] if temporal else h)]
        count += [0] * first + [1] * (len(h) - first)
    y = torch.cat(rows)
    dy = random(g, len(y))
    (y * dy).sum().backward()
    cases.case(name, 'loss { type = "activity"%s }' % options, in__0=x, length=LENGTHS, out=y.reshape(-1, 1),
               d_out=dy.reshape(-1, 1), d_in__0=x.grad)
    if temporal:
        cases.add(name, "out.count", torch.tensor(count).double().reshape(-1, 1))


def activity(c):
    activity_case(c, "activity", "", 240, lambda h: h.pow(2).mean(-1), False)
    activity_case(c, "activity_l1_sum", ', norm = "l1", sum = true', 241, lambda h: h.abs().sum(-1), False)
    activity_case(c, "activity_temporal", ", temporal = true", 242, lambda h: h.pow(2).mean(-1), True)
    activity_case(c, "activity_temporal_l1", ', temporal = true, norm = "l1", sum = true', 243, lambda h: h.abs().sum(-1), True)
