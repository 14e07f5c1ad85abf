"""Losses: value, gradient and probabilities by PyTorch."""
from cases import LENGTHS, Cases, random

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
