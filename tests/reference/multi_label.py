"""Several labels a row: precision_recall_f1 and auc as scikit-learn computes them of a target of zeros and ones."""
from cases import Cases, random


def f1(c, name, x, labels, said, means=1):
    """Every result of precision_recall_f1; `said` is a matrix of zeros and ones as `labels` is."""
    from sklearn.metrics import precision_recall_fscore_support
    truth, said = labels.int().numpy(), said.int().numpy()
    alone = dict(labels=[1]) if truth.shape[1] == 1 else {}  # scikit-learn takes one column for two classes
    c.case(f"f1_{name}", 'metric { type = "precision_recall_f1" }', in__0=x, in__1=labels, means__0=[means])
    for average in ["micro", "macro", "weighted", None]:
        of = precision_recall_fscore_support(truth, said, average=average, zero_division=0, **alone)
        for figure, value in zip(["precision", "recall", "f1"], of[:3]):
            if average:
                c.add(f"f1_{name}", f"result.{average}.{figure}", [value])
            for k in range(len(value) if average is None else 0):
                c.add(f"f1_{name}", f"result.class_{k}.{figure}", [value[k]])
            if average == "macro":
                c.add(f"f1_{name}", "result." + (figure if figure != "f1" else ""), [value])


def areas(c, name, x, labels, means=1):
    """Areas of each label, and their means; a label without rows of both sorts is in no mean, and has the area 0."""
    from sklearn.metrics import average_precision_score, roc_auc_score
    truth, score = labels.int().numpy(), x.numpy()
    both = [k for k in range(truth.shape[1]) if 0 < truth[:, k].sum() < len(truth)]
    c.case(f"auc_{name}", 'metric { type = "auc" }', in__0=x, in__1=labels, means__0=[means],
           result=[roc_auc_score(truth[:, both], score[:, both], average="macro")],
           result__pr=[average_precision_score(truth[:, both], score[:, both], average="macro")])
    for k in range(truth.shape[1]) if truth.shape[1] > 1 else []:
        some = truth[:, k].any()
        c.add(f"auc_{name}", f"result.class_{k}.roc", [roc_auc_score(truth[:, k], score[:, k]) if k in both else 0.0])
        c.add(f"auc_{name}", f"result.class_{k}.pr", [average_precision_score(truth[:, k], score[:, k]) if some else 0.0])


def multi_label():
    import torch
    c = Cases()
    g = torch.Generator().manual_seed(410)
    for name, n, width, often in [("four", 60, 4, 0.4), ("rare", 50, 6, 0.08), ("one", 40, 1, 0.5)]:
        labels = (torch.rand(n, width, generator=g) < often).double()
        labels[0], labels[1] = 1, 0                      # each label has rows of both sorts
        x = random(g, n, width) + 1.5 * labels - 0.7
        x[:5] = x[:5].round()                            # some lie at the threshold itself
        x = x.float().double()
        f1(c, name, x, labels, x > 0)
        areas(c, name, x, labels)
        p = torch.sigmoid(x).float().double()
        f1(c, f"{name}_probabilities", p, labels, p > 0.5, 2)
        areas(c, f"{name}_probabilities", p, labels, 2)
    areas(c, "equal_scores", (x * 2).round(), labels)
    labels = (torch.rand(30, 4, generator=g) < 0.5).double()
    labels[:, 1], labels[:, 2] = 0, 1                    # never true; always true
    x = random(g, 30, 4).abs() * (2 * labels - 1)
    x[:, 1] = -x[:, 1].abs()                             # nor ever said
    x[:4, 3] *= -1
    f1(c, "silent", x, labels, x > 0)
    areas(c, "silent", x, labels)
    soft = labels * 0.6 + 0.2                            # what is nearer to 1 is a yes
    c.case("f1_soft", 'metric { type = "precision_recall_f1", per_class = false }', in__0=x, in__1=soft)
    for key in [k for k in c.tensors if k.startswith("f1_silent/result") and "class_" not in k]:
        c.add("f1_soft", key.split("/")[1], c.tensors[key])
    return c
