"""Whole networks, trained for 20 steps by PyTorch on one batch: what shares a parameter, several losses."""
from cases import Cases, random

STEPS, WORDS, WIDTH = 20, 23, 8
LENGTHS = [5, 1, 0, 7, 3]

NETWORK = """[[layer]]
name = "words"
type = "embedding"
inputs = "text"
width = 8
[[layer]]
name = "hidden"
type = "dense"
units = 8
activation = "tanh"
[[layer]]
name = "output"
type = "dense"
units = "text"
TIED[[loss]]
type = "cross_entropy"
input = "output"
target = "text"
LOSSES[optimizer]
"""
ACTIVITY = """[[loss]]
type = "activity"
input = "hidden"
weight = 2.0
[[loss]]
name = "change"
type = "activity"
input = "hidden"
temporal = true
weight = 0.5
"""


def training_case(cases, name, seed, options, make, tied=True, penalty=None):
    """embedding -> dense, tanh -> dense, maybe with the embedding's table; each word is to be said again."""
    import torch
    from torch.nn import functional as F
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, WORDS - 5, (sum(LENGTHS),), generator=g)  # some words never occur, nor does the unknown one
    weights = {"words.weight": random(g, WORDS, WIDTH), "hidden.weight": random(g, WIDTH, WIDTH, scale=0.5),
               "hidden.bias": random(g, WIDTH, scale=0.5), "output.bias": random(g, WORDS, scale=0.5)}
    if not tied:
        weights["output.weight"] = random(g, WORDS, WIDTH)
    text = NETWORK.replace("TIED", 'tied = "words"\n' if tied else "").replace("LOSSES", ACTIVITY if penalty else "")
    cases.case(name, text + options, ids=ids, length=LENGTHS)
    for key, w in weights.items():
        cases.add(name, f"first.{key}", w)
        w.requires_grad_()
    optimizer, losses = make(list(weights.values())), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        hidden = torch.tanh(F.linear(F.embedding(ids, weights["words.weight"]), weights["hidden.weight"], weights["hidden.bias"]))
        loss = F.cross_entropy(F.linear(hidden, weights["words.weight" if tied else "output.weight"], weights["output.bias"]), ids)
        if penalty:
            loss = loss + penalty(hidden)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    cases.add(name, "loss", losses)
    for key, w in weights.items():
        cases.add(name, f"out.{key}", w)


def activation_regularization(hidden):
    """alpha and beta as in AWD-LSTM, each a mean over all numbers; differences do not reach over the end of a sequence."""
    import torch
    change = torch.cat([h[1:] - h[:-1] for h in hidden.split(LENGTHS)])
    return 2 * hidden.pow(2).mean() + 0.5 * change.pow(2).mean()


def training():
    import torch
    c, o = Cases(), torch.optim
    epsilon = torch.tensor(1e-3).float().double().item()
    adam = lambda w: o.Adam(w, lr=0.0625, eps=epsilon)
    sgd = 'type = "sgd"\nmomentum = 0.9\nlearning_rate = 0.25\n'
    with_momentum = lambda w: o.SGD(w, lr=0.25, momentum=0.9)
    training_case(c, "tied_sgd", 700, sgd, with_momentum)
    training_case(c, "tied_adam", 701, 'type = "adam"\nepsilon = 1e-3\nlearning_rate = 0.0625\n', adam)
    training_case(c, "tied_lazy", 702, 'type = "adam"\nlazy = true\nepsilon = 1e-3\nlearning_rate = 0.0625\n', adam)
    training_case(c, "tied_adagrad", 703, 'type = "adagrad"\nlearning_rate = 0.125\n', lambda w: o.Adagrad(w, lr=0.125))
    training_case(c, "activity", 704, sgd, with_momentum, False, activation_regularization)
    training_case(c, "activity_tied", 705, 'type = "adam"\nepsilon = 1e-3\nlearning_rate = 0.0625\n', adam, True,
                  activation_regularization)
    return c
