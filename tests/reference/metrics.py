"""Metrics from their definitions, in float64: counting, and the published formulas (scikit-learn's and sacrebleu's forms)."""
from cases import Cases, random


def scores(said, true, classes, positive=1):
    """Every result of precision_recall_f1, from the definitions."""
    def three(hit, n_said, n_true):
        p, r = hit / n_said if n_said else 0.0, hit / n_true if n_true else 0.0
        return p, r, 2 * p * r / (p + r) if p + r else 0.0
    per, support, used = [], [], []
    for k in range(classes):
        per.append(three(sum(s == t == k for s, t in zip(said, true)), said.count(k), true.count(k)))
        support.append(true.count(k))
        used.append(k in said or k in true)
    right = sum(s == t for s, t in zip(said, true))
    averages = dict(micro=three(right, len(said), len(true)))
    averages["macro"] = tuple(sum(per[k][i] for k in range(classes) if used[k]) / sum(used) for i in range(3))
    averages["weighted"] = tuple(sum(per[k][i] * support[k] for k in range(classes)) / sum(support) for i in range(3))
    averages["binary"] = per[positive] if classes == 2 else None
    out = {}
    for i, what in enumerate(["precision", "recall", "f1"]):
        for a in ["micro", "macro", "weighted"]:
            out[f"{a}.{what}"] = averages[a][i]
        for k in range(classes):
            out[f"class_{k}.{what}"] = per[k][i]
    main = averages["binary"] if classes == 2 else averages["macro"]
    out["precision"], out["recall"], out[""] = main
    return out


def likelihoods(c, g):
    """exp(-mean ln p) and -mean log2 p of the target's class."""
    import numpy
    import torch
    x, true = random(g, 50, 6, scale=3), torch.randint(0, 6, (50,), generator=g)
    one, two = random(g, 40, 1, scale=4), torch.randint(0, 2, (40,), generator=g)
    logs = torch.log_softmax(x, -1)
    rows, halves = torch.arange(50), torch.sigmoid(one[:, 0])
    of_two = torch.where(two == 1, halves, 1 - halves).log()
    kinds = [("logits", x, 1, true, logs[rows, true], ""), ("probabilities", logs.exp(), 2, true, logs.exp().float().double().log()[rows, true], ""),
             ("logarithms", logs, 3, true, logs[rows, true], ""), ("two", one, 1, two, of_two, ""),
             ("two_probabilities", halves[:, None], 2, two, of_two, ""),
             ("ignore", x, 1, true, logs[rows, true][true != 2], ", ignore = 2")]
    for name, values, means, target, each, options in kinds:
        mean = -float(numpy.mean(each.numpy()))
        for metric, figure in [("perplexity", numpy.exp(mean)), ("bits_per_character", mean / numpy.log(2))]:
            c.case(f"{metric}_{name}", 'metric { type = "%s"%s }' % (metric, options), in__0=values, in__1=target, means__0=[means],
                   classes__1=[6 if values.shape[1] > 1 else 2], result=[figure])


def errors(c, g):
    """Errors of numbers, as sklearn.metrics defines them; rmse over all numbers at once."""
    import numpy
    import torch
    for name, n, width, shift in [("one", 60, 1, 0.0), ("three", 45, 3, 2.0), ("far", 50, 2, 1000.0)]:
        t = random(g, n, width) + shift
        x = (t + random(g, n, width, scale=0.4)).float().double()
        t = t.float().double()
        a, b = x.numpy(), t.numpy()
        per_column = 1 - ((a - b) ** 2).sum(0) / ((b - b.mean(0)) ** 2).sum(0)
        eps = numpy.finfo(numpy.float64).eps
        all_errors = dict(mse=numpy.mean((a - b) ** 2), rmse=numpy.sqrt(numpy.mean((a - b) ** 2)), mae=numpy.mean(abs(a - b)),
                          mape=numpy.mean(abs(a - b) / numpy.maximum(abs(b), eps)),
                          smape=numpy.mean(2 * abs(a - b) / (abs(a) + abs(b))), r2=per_column.mean())
        for metric, value in all_errors.items():
            c.case(f"{metric}_{name}", 'metric { type = "%s" }' % metric, in__0=x, in__1=t, result=[value])
    x, ids = random(g, 30, 1), torch.randint(0, 4, (30,), generator=g)
    d = x[:, 0] - ids
    c.case("mse_classes", 'metric { type = "mse" }', in__0=x, in__1=ids, classes__1=[4], result=[(d * d).mean()])
    same = torch.full((20, 1), 3.0)
    c.case("r2_constant", 'metric { type = "r2" }', in__0=same + 1, in__1=same, result=[0.0])
    c.case("r2_constant_right", 'metric { type = "r2" }', in__0=same, in__1=same, result=[1.0])
    c.case("mape_zeros", 'metric { type = "mape" }', in__0=same * 0, in__1=same * 0, result=[0.0])
    c.case("smape_zeros", 'metric { type = "smape" }', in__0=same * 0, in__1=same * 0, result=[0.0])


def decisions(c, g):
    """top_k by sorting; Matthews' coefficient from a matrix of counts."""
    import numpy
    import torch
    x, true = random(g, 55, 9).round(decimals=1), torch.randint(0, 9, (55,), generator=g)
    x = x.float().double()
    for k in (1, 3, 9):
        right = 0
        for row, t in zip(x.tolist(), true.tolist()):
            right += t in sorted(range(9), key=lambda j: (-row[j], j))[:k]
        c.case(f"top_{k}", 'metric { type = "top_k", k = %d }' % k, in__0=x, in__1=true, classes__1=[9], result=[right / 55])
    for name, n, classes in [("two", 50, 2), ("five", 80, 5), ("silent", 30, 3)]:
        x, true = random(g, n, classes), torch.randint(0, classes, (n,), generator=g)
        if name == "silent":
            x[:, 1] += 100
        else:
            x[torch.arange(n), true] += 0.7
        x = x.float().double()
        m = numpy.zeros((classes, classes))
        for s, t in zip(x.argmax(-1).tolist(), true.tolist()):
            m[t, s] += 1
        cells = {f"result.class_{t}.class_{s}": [m[t, s]] for t in range(classes) for s in range(classes)}
        c.case(f"confusion_{name}", 'metric { type = "confusion_matrix", results = true }', in__0=x, in__1=true, classes__1=[classes],
               result=[m.trace() / n])
        for key, value in cells.items():
            c.add(f"confusion_{name}", key, value)
        # Gorodkin 2004, equation 8: a sum over triples of classes, another form than the metric's
        said, meant = m.sum(0), m.sum(1)
        top = sum(m[k, k] * m[l, j] - m[k, l] * m[j, k] for k in range(classes) for l in range(classes) for j in range(classes))
        under = numpy.sqrt((said * (n - said)).sum()) * numpy.sqrt((meant * (n - meant)).sum())
        c.case(f"matthews_{name}", 'metric { type = "matthews" }', in__0=x, in__1=true, classes__1=[classes],
               result=[top / under if under else 0.0])


def areas(score, hit):
    """The area under the ROC curve from all pairs; average precision from every threshold (scikit-learn's definitions)."""
    yes, no = [s for s, h in zip(score, hit) if h], [s for s, h in zip(score, hit) if not h]
    pairs = sum((a > b) + 0.5 * (a == b) for a in yes for b in no)
    precision_sum, before = 0.0, 0.0
    for t in sorted(set(score), reverse=True):
        said = [h for s, h in zip(score, hit) if s >= t]
        recall = sum(said) / len(yes) if yes else 0.0
        precision_sum += (recall - before) * sum(said) / len(said)
        before = recall
    return (pairs / (len(yes) * len(no)) if yes and no else 0.0), precision_sum


def curves(c, g):
    """auc of logits, probabilities and one value a row; with equal scores; for more classes, each against the others."""
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
    """Papineni 2002, smoothed as sacrebleu's compute_bleu does; precisions, brevity penalty and length ratio with it."""
    from collections import Counter
    from math import exp, log
    grams = lambda s, n: Counter(tuple(s[i:i + n]) for i in range(len(s) - n + 1))
    correct, total = [0] * order, [0] * order
    for s, t in zip(outputs, targets):
        for n in range(1, order + 1):
            a, b = grams(s, n), grams(t, n)
            correct[n - 1] += sum((a & b).values())
            total[n - 1] += sum(a.values())
    said, true = sum(map(len, outputs)), sum(map(len, targets))
    penalty = 1.0 if said >= true else exp(1 - true / said) if said else 0.0
    p, mteval, none = [0.0] * order, 1.0, not any(correct)
    for n in range(1, 0 if none else order + 1):  # sacrebleu 2.6.0 leaves all precisions 0 where nothing is right
        k, m = correct[n - 1], total[n - 1]
        if smoothing == "add" and n > 1:
            k, m = k + value, m + value
        if m == 0:
            break
        if k == 0 and smoothing == "exp":
            mteval *= 2
            p[n - 1] = 100 / (mteval * m)
        elif k == 0 and smoothing == "floor":
            p[n - 1] = 100 * value / m
        else:
            p[n - 1] = 100 * k / m
    score = 0.0 if none or 0.0 in p else penalty * exp(sum(map(log, p)) / order)
    out = {"": score, "brevity_penalty": penalty, "length_ratio": said / true}
    out.update({f"precision_{n + 1}": v for n, v in enumerate(p)})
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
        c.add(f"accuracy_{name}", "result.", [sum(s == t for s, t in zip(said, true.tolist())) / n])
        for key, value in results.items():
            c.add(f"f1_{name}", f"result.{key}", [value])
    likelihoods(c, g)
    errors(c, g)
    decisions(c, g)
    curves(c, g)
    translations(c, g)
    return c
