"""References of regularizers: penalties with their gradients by autograd, constraints as PyTorch's functions of rows have them."""
from cases import Cases, random


def penalty_case(c, name, options, seed, f, n=37):
    """What f(p) adds to a loss, and to a gradient that is there already; some parameters are 0, where |p| has the gradient 0."""
    import torch
    g = torch.Generator().manual_seed(seed)
    p, before = random(g, n), random(g, n)
    p[::5] = 0
    p.requires_grad_()
    penalty = f(p)
    penalty.backward()
    c.case(name, "regularizer { %s }" % options, param=p, gradient=before, penalty=[penalty.item()], d_param=before + p.grad)


def constraint_case(c, name, options, seed, f, rows, width):
    """Rows of all lengths: far below and above 2, of exactly 2 and of 0."""
    import torch
    g = torch.Generator().manual_seed(seed)
    p = (random(g, rows, width) * torch.logspace(-3, 3, rows)[:, None]).float().double()
    p[0] = 0
    p[rows // 2] = 0
    p[rows // 2, -1] = -2
    c.case(name, "regularizer { %s }" % options, param=p, out=f(p))


def regularizers():
    import torch
    c = Cases()
    absolute, square = lambda p: torch.linalg.vector_norm(p, 1), lambda p: p.square().sum()
    penalty_case(c, "l1", 'type = "l1"', 700, lambda p: 1e-4 * absolute(p))
    penalty_case(c, "l1_factor", 'type = "l1", factor = 0.75', 701, lambda p: 0.75 * absolute(p), n=4)
    penalty_case(c, "l2", 'type = "l2"', 702, lambda p: 1e-4 * square(p))
    penalty_case(c, "l2_factor", 'type = "l2", factor = 0.75', 703, lambda p: 0.75 * square(p), n=6)
    penalty_case(c, "elastic_net", 'type = "elastic_net"', 704, lambda p: 1e-4 * absolute(p) + 1e-4 * square(p))
    penalty_case(c, "elastic_net_factors", 'type = "elastic_net", l1 = 0.5, l2 = 0.0625', 705,
                 lambda p: 0.5 * absolute(p) + 0.0625 * square(p), n=41)
    penalty_case(c, "elastic_net_l1", 'type = "elastic_net", l1 = 0.25, l2 = 0.0', 706, lambda p: 0.25 * absolute(p))
    for i, (rows, width) in enumerate([(20, 33), (11, 1), (3, 5)]):
        shape = f"{rows}_{width}"
        constraint_case(c, f"max_norm_{shape}", 'type = "max_norm"', 710 + i, lambda p: torch.renorm(p, 2, 0, 2), rows, width)
        constraint_case(c, f"unit_norm_{shape}", 'type = "unit_norm"', 720 + i, lambda p: torch.nn.functional.normalize(p, dim=1),
                        rows, width)
    constraint_case(c, "max_norm_limit", 'type = "max_norm", limit = 0.5', 730, lambda p: torch.renorm(p, 2, 0, 0.5), 9, 17)
    return c
