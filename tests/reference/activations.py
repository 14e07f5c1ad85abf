"""Activations, each with its options, by PyTorch or by their definition in float64."""
from cases import Cases, random


def activation_cases():
    """By name: options and function."""
    import torch
    from torch.nn import functional as F
    cases = dict(sigmoid=torch.sigmoid, tanh=torch.tanh, relu=torch.relu, softmax=lambda x: torch.softmax(x, -1), linear=lambda x: x,
                 hard_sigmoid=F.hardsigmoid, leaky_relu=F.leaky_relu, elu=F.elu, selu=F.selu, gelu=F.gelu, swish=F.silu,
                 softplus=F.softplus, log_softmax=lambda x: torch.log_softmax(x, -1))
    cases = {name: ('"%s"' % name, f) for name, f in cases.items()}
    cases.update(
        hard_sigmoid_keras=('{ type = "hard_sigmoid", slope = 0.2 }', lambda x: torch.clamp(0.2 * x + 0.5, 0, 1)),
        leaky_relu_slope=('{ type = "leaky_relu", slope = 0.3 }', lambda x: F.leaky_relu(x, 0.3)),
        leaky_relu_zero=('{ type = "leaky_relu", slope = 0.0 }', lambda x: F.leaky_relu(x, 0.0)),
        elu_alpha=('{ type = "elu", alpha = 0.4 }', lambda x: F.elu(x, 0.4)),
        gelu_tanh=('{ type = "gelu", form = "tanh" }', lambda x: F.gelu(x, approximate="tanh")),
        swish_beta=('{ type = "swish", beta = 1.7 }', lambda x: x * torch.sigmoid(1.7 * x)),
        softplus_beta=('{ type = "softplus", beta = 2.5 }', lambda x: F.softplus(x, 2.5, 1e9)))
    return cases


def activations():
    import torch
    c = Cases()
    for i, (name, (options, f)) in enumerate(activation_cases().items()):
        g = torch.Generator().manual_seed(100 + i)
        x = random(g, 40, 11, scale=3)
        x[0, 0], x[1, 1], x[2, 2], x[3, 3] = 30.0, -30.0, 80.0, -80.0
        x.requires_grad_()
        y = f(x)
        dy = random(g, *y.shape)
        (y * dy).sum().backward()
        text = options if options.startswith("{") else "{ type = %s }" % options
        c.case(name, "activation " + text, in__0=x, out=y, d_out=dy, d_in__0=x.grad)
    return c
