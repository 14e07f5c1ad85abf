"""The loss crf: value, gradients and probabilities of tags by PyTorch, the forward algorithm in logarithms."""
from cases import LENGTHS, Cases, random


def log_partition(x, transition, start, end):
    """log of the sum of e^score over all paths, x [T, K]."""
    import torch
    alpha = start + x[0]
    for row in x[1:]:
        alpha = torch.logsumexp(alpha[:, None] + transition, 0) + row
    return torch.logsumexp(alpha + end, 0)


def score(x, tags, transition, start, end):
    steps = x[range(len(tags)), tags].sum() + transition[tags[:-1], tags[1:]].sum()
    return start[tags[0]] + steps + end[tags[-1]]


def crf_case(cases, name, seed, lengths, k, scale):
    import torch
    g = torch.Generator().manual_seed(seed)
    n = sum(lengths)
    x = random(g, n, k, scale=scale).requires_grad_()
    tags = torch.randint(0, k, (n,), generator=g)
    weights = [random(g, k, k).requires_grad_(), random(g, k).requires_grad_(), random(g, k).requires_grad_()]
    values, parts = [], []
    for xs, ts in zip(x.split(lengths), tags.split(lengths)):
        z = log_partition(xs, *weights) if len(ts) else x.new_zeros(())
        parts.append(z)
        values.append(z - score(xs, ts, *weights) if len(ts) else z)
    probability = torch.autograd.grad(sum(parts), x, retain_graph=True)[0]  # d log Z / d x is the probability of a tag
    y = torch.stack(values)
    dy = random(g, len(lengths))
    (y * dy).sum().backward()
    cases.case(name, 'loss { type = "crf" }', in__0=x, in__1=tags, classes__1=[k], length=lengths, out=y.reshape(-1, 1),
               d_out=dy.reshape(-1, 1), d_in__0=x.grad, probability=probability)
    for what, w in zip(["transition", "start", "end"], weights):
        cases.add(name, f"param.{what}", w)
        cases.add(name, f"d_param.{what}", w.grad)


def tagging():
    c = Cases()
    crf_case(c, "crf", 500, LENGTHS, 7, 2)
    crf_case(c, "crf_wide", 501, [3, 0, 1, 6], 37, 1)
    crf_case(c, "crf_two", 502, [2, 5], 2, 5)
    crf_case(c, "crf_long", 503, [120, 60], 9, 4)
    return c
