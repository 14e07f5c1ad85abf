"""Metrics as scikit-learn, sacrebleu and PyTorch compute them, in float64. By hand: smape, which none of them has, and what they leave
undefined (an area where one class is missing)."""
from cases import Cases, random


def scores(said, true, classes):
    """Every result of precision_recall_f1; macro averages are over classes that were said or true, micro and weighted over all."""
    from sklearn.metrics import precision_recall_fscore_support
    averages = dict(micro=dict(labels=range(classes)), macro={}, weighted=dict(labels=range(classes)))
    compute = lambda average, **how: precision_recall_fscore_support(true, said, average=average, zero_division=0, **how)[:3]
    of = {average: compute(average, **how) for average, how in averages.items()}
    per = compute(None, labels=range(classes))
    main = compute("binary", pos_label=1) if classes == 2 else of["macro"]
    out = {}
    for i, what in enumerate(["precision", "recall", "f1"]):
        for average, values in of.items():
            out[f"{average}.{what}"] = values[i]
        for k in range(classes):
            out[f"class_{k}.{what}"] = per[i][k]
    out["precision"], out["recall"], out[""] = main
    return out


def likelihoods(c, g):
    """exp of PyTorch's mean losses, and these over ln 2."""
    import math
    import torch
    f = torch.nn.functional
    x, true = random(g, 50, 6, scale=3), torch.randint(0, 6, (50,), generator=g)
    one, two = random(g, 40, 1, scale=4), torch.randint(0, 2, (40,), generator=g)
    logs, halves = torch.log_softmax(x, -1), torch.sigmoid(one)
    given = logs.exp().float().double()
    kinds = [("logits", x, 1, true, f.cross_entropy(x, true), ""),
             ("probabilities", logs.exp(), 2, true, f.nll_loss(given.log(), true), ""),
             ("logarithms", logs, 3, true, f.nll_loss(logs, true), ""),
             ("two", one, 1, two, f.binary_cross_entropy_with_logits(one[:, 0], two.double()), ""),
             ("two_probabilities", halves, 2, two, f.binary_cross_entropy(halves[:, 0], two.double()), ""),
             ("ignore", x, 1, true, f.cross_entropy(x, true, ignore_index=2), ", ignore = 2")]
    for name, values, means, target, mean, options in kinds:
        for metric, figure in [("perplexity", mean.exp()), ("bits_per_character", mean / math.log(2))]:
            c.case(f"{metric}_{name}", 'metric { type = "%s"%s }' % (metric, options), in__0=values, in__1=target, means__0=[means],
                   classes__1=[6 if values.shape[1] > 1 else 2], result=[figure.item()])


def errors(c, g):
    """Errors of numbers; rmse over all numbers at once, where scikit-learn's mean is over columns."""
    import numpy
    import torch
    from sklearn.metrics import (mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, r2_score,
                                 root_mean_squared_error)
    for name, n, width, shift in [("one", 60, 1, 0.0), ("three", 45, 3, 2.0), ("far", 50, 2, 1000.0)]:
        t = random(g, n, width) + shift
        x = (t + random(g, n, width, scale=0.4)).float().double()
        t = t.float().double()
        a, b = x.numpy(), t.numpy()
        all_errors = dict(mse=mean_squared_error(b, a), rmse=root_mean_squared_error(b.ravel(), a.ravel()), mae=mean_absolute_error(b, a),
                          mape=mean_absolute_percentage_error(b, a), smape=numpy.mean(2 * abs(a - b) / (abs(a) + abs(b))),
                          r2=r2_score(b, a))
        for metric, value in all_errors.items():
            c.case(f"{metric}_{name}", 'metric { type = "%s" }' % metric, in__0=x, in__1=t, result=[value])
    x, ids = random(g, 30, 1), torch.randint(0, 4, (30,), generator=g)
    c.case("mse_classes", 'metric { type = "mse" }', in__0=x, in__1=ids, classes__1=[4], result=[mean_squared_error(ids, x[:, 0])])
    same = torch.full((20, 1), 3.0)
    c.case("r2_constant", 'metric { type = "r2" }', in__0=same + 1, in__1=same, result=[r2_score(same, same + 1)])
    c.case("r2_constant_right", 'metric { type = "r2" }', in__0=same, in__1=same, result=[r2_score(same, same)])
    c.case("mape_zeros", 'metric { type = "mape" }', in__0=same * 0, in__1=same * 0,
           result=[mean_absolute_percentage_error(same * 0, same * 0)])
    c.case("smape_zeros", 'metric { type = "smape" }', in__0=same * 0, in__1=same * 0, result=[0.0])


def decisions(c, g):
    import torch
    from sklearn.metrics import accuracy_score, confusion_matrix, matthews_corrcoef, top_k_accuracy_score
    x, true = random(g, 55, 9).round(decimals=1), torch.randint(0, 9, (55,), generator=g)
    x = x.float().double()
    for k in (1, 3, 9):
        # of equal numbers the last class comes first in scikit-learn, the first one here: classes the other way round
        right = top_k_accuracy_score(8 - true, x.flip(1), k=k, labels=range(9)) if k < 9 else 1.0
        c.case(f"top_{k}", 'metric { type = "top_k", k = %d }' % k, in__0=x, in__1=true, classes__1=[9], result=[right])
    for name, n, classes in [("two", 50, 2), ("five", 80, 5), ("silent", 30, 3)]:
        x, true = random(g, n, classes), torch.randint(0, classes, (n,), generator=g)
        if name == "silent":
            x[:, 1] += 100
        else:
            x[torch.arange(n), true] += 0.7
        x = x.float().double()
        said = x.argmax(-1)
        m = confusion_matrix(true, said, labels=range(classes))
        c.case(f"confusion_{name}", 'metric { type = "confusion_matrix", results = true }', in__0=x, in__1=true, classes__1=[classes],
               result=[accuracy_score(true, said)])
        for t in range(classes):
            for s in range(classes):
                c.add(f"confusion_{name}", f"result.class_{t}.class_{s}", [float(m[t, s])])
        c.case(f"matthews_{name}", 'metric { type = "matthews" }', in__0=x, in__1=true, classes__1=[classes],
               result=[matthews_corrcoef(true, said)])


def areas(score, hit):
    """roc_auc_score and average_precision_score. Where all or none are hits scikit-learn has no area: 0, and 1 or 0."""
    from sklearn.metrics import average_precision_score, roc_auc_score
    if 0 < sum(hit) < len(hit):
        return roc_auc_score(hit, score), average_precision_score(hit, score)
    return 0.0, float(any(hit))


def curves(c, g):
    """auc of logits, probabilities and one value a row; with equal scores; for more classes the mean of each against the others, over
    those that are defined."""
    import torch
    def case(name, x, true, classes, means, score, options=""):
        keep = [i for i, t in enumerate(true.tolist()) if not (options and t == 1)]
        of = range(classes) if classes > 2 else [1]
        all_areas = [areas([score[i, k] for i in keep], [int(true[i]) == k for i in keep]) for k in of]
        defined = [a for k, a in zip(of, all_areas) if 0 < sum(int(true[i]) == k for i in keep) < len(keep)]
        mean = lambda j: sum(a[j] for a in defined) / len(defined) if defined else 0.0
        c.case(f"auc_{name}", 'metric { type = "auc"%s }' % options, in__0=x, in__1=true, means__0=[means], classes__1=[classes],
               result=[mean(0)], result__pr=[mean(1)])
        for k, a in zip(of, all_areas) if classes > 2 else []:
            c.add(f"auc_{name}", f"result.class_{k}.roc", [a[0]])
            c.add(f"auc_{name}", f"result.class_{k}.pr", [a[1]])
    two = torch.randint(0, 2, (70,), generator=g)
    one = (random(g, 70, 1) + two[:, None]).float().double()
    case("one_value", one, two, 2, 1, {(i, 1): one[i, 0].item() for i in range(70)})
    coarse = one.round()
    case("equal_scores", coarse, two, 2, 1, {(i, 1): coarse[i, 0].item() for i in range(70)})
    x = (random(g, 70, 2, scale=30) + torch.nn.functional.one_hot(two, 2)).float().double()
    case("far_logits", x, two, 2, 1, {(i, 1): (x[i, 1] - x[i, 0]).item() for i in range(70)})
    case("one_class", one, two * 0, 2, 1, {(i, 1): one[i, 0].item() for i in range(70)})
    for name, means in [("logits", 1), ("probabilities", 2)]:
        true = torch.randint(0, 4, (60,), generator=g)
        x = random(g, 60, 4)
        x[torch.arange(60), true] += 1
        p = torch.softmax(x.float().double(), -1)
        x = p.float().double() if means == 2 else x.float().double()
        p = x if means == 2 else p
        case(name, x, true, 4, means, {(i, k): p[i, k].item() for i in range(60) for k in range(4)})
    case("ignore", x, true, 4, 2, {(i, k): p[i, k].item() for i in range(60) for k in range(4)}, ", ignore = 1")


def corpus_bleu(outputs, targets, order=4, smoothing="exp", value=None):
    """sacrebleu on words that are cut already; precisions, brevity penalty and length ratio with it."""
    from sacrebleu.metrics import BLEU
    text = lambda sequences: [" ".join(map(str, s)) for s in sequences]
    bleu = BLEU(tokenize="none", smooth_method="add-k" if smoothing == "add" else smoothing, smooth_value=value, max_ngram_order=order,
                force=True)
    found = bleu.corpus_score(text(outputs), [text(targets)])
    out = {"": found.score, "brevity_penalty": found.bp, "length_ratio": found.ratio}
    out.update({f"precision_{n + 1}": p for n, p in enumerate(found.precisions)})
    return out


def translations(c, g):
    """Sequences of words, the output partly a copy of its target; some are empty, some short."""
    import torch
    number = lambda most: int(torch.randint(0, most, (1,), generator=g))
    def pairs(n, words, longest, wrong):
        targets = [[number(words) for _ in range(number(longest + 1))] for _ in range(n)]
        outputs = []
        for t in targets:
            s = [w if number(100) >= wrong else number(words) for w in t]
            outputs.append(s[:number(len(s) + 3)] if number(3) else s + s[:2])
        return outputs, targets
    good, bad, poor, short = pairs(25, 8, 12, 15), pairs(20, 50, 12, 70), ([[1, 2, 3, 4, 5]], [[1, 9, 3, 9, 5, 9]]), ([[3, 4]], [[3, 4]])
    wrong = ([[1, 1, 1]], [[2, 2]])
    cases = [("good", good, {}), ("bad", bad, {}), ("none", bad, dict(smoothing="none")), ("plain", good, dict(smoothing="none")),
             ("exp", poor, {}), ("floor", poor, dict(smoothing="floor", value=0.1)), ("add", poor, dict(smoothing="add", value=1)),
             ("add_some", bad, dict(smoothing="add", value=0.5)), ("pairs", bad, dict(order=2)), ("short", short, {}),
             ("short_add", short, dict(smoothing="add", value=1)), ("wrong", wrong, {})]
    for name, (outputs, targets), how in cases:
        options = "".join(f', {"smooth_value" if k == "value" else k} = {toml(v)}' for k, v in how.items())
        results = corpus_bleu(outputs, targets, **how)
        c.case(f"bleu_{name}", 'metric { type = "bleu"%s }' % options, in__0=torch.tensor(sum(outputs, []), dtype=torch.int32),
               in__1=torch.tensor(sum(targets, []), dtype=torch.int32), classes__1=[60], length__0=[len(s) for s in outputs],
               length__1=[len(t) for t in targets])
        for key, value in results.items():
            c.add(f"bleu_{name}", f"result.{key}" if key else "result", [float(value)])


def toml(v):
    return f'"{v}"' if isinstance(v, str) else repr(float(v)) if isinstance(v, float) or v == 1 else str(v)


def metrics():
    import torch
    from sklearn.metrics import accuracy_score
    c = Cases()
    g = torch.Generator().manual_seed(400)
    for name, n, classes, width in [("few", 60, 4, 4), ("unused", 40, 9, 9), ("binary", 50, 2, 2), ("one_value", 50, 2, 1)]:
        x = random(g, n, width)
        most = 5 if name == "unused" else classes
        true = torch.randint(0, most, (n,), generator=g)
        if name == "unused":
            x[:, 6:] -= 100
        said = (x[:, 0] > 0).int().tolist() if width == 1 else x.argmax(-1).tolist()
        results = scores(said, true.tolist(), classes)
        c.case(f"f1_{name}", 'metric { type = "precision_recall_f1" }', in__0=x, in__1=true, classes__1=[classes])
        c.case(f"accuracy_{name}", 'metric { type = "accuracy" }', in__0=x, in__1=true, classes__1=[classes])
        c.add(f"accuracy_{name}", "result.", [accuracy_score(true, said)])
        for key, value in results.items():
            c.add(f"f1_{name}", f"result.{key}", [value])
    likelihoods(c, g)
    errors(c, g)
    decisions(c, g)
    curves(c, g)
    translations(c, g)
    return c
