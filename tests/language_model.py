"""language_model.py RUN JSON TEMPERATURE TOP_K TOP_P -- what `predict --format json` wrote, against an LSTM in plain Python.

Reads the run's newest checkpoint and vocabulary, computes the probability of each token that was written (embedding, layers of
LSTM with the gates i f g o, dense, softmax), and where each line has one token from the same beginning, compares how often each
came with how often it should: sum of (seen - expected)^2 / expected, against its mean plus 5 standard deviations.
Ends in silence, or says what differs."""
import collections, glob, json, math, struct, sys

run, name, temperature, top_k, top_p = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
raw = open(sorted(glob.glob(run + "/checkpoints/step-*"))[-1], "rb").read()
size = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + size])


def tensor(key):
    begin, end = header[key]["data_offsets"]
    values = struct.unpack("<%df" % ((end - begin) // 4), raw[8 + size + begin:8 + size + end])
    shape = header[key]["shape"]
    width = shape[1] if len(shape) > 1 else 1
    return [values[i:i + width] for i in range(0, len(values), width)] if len(shape) > 1 else values


words = [w.encode().decode("unicode_escape") for w in open(glob.glob(run + "/vocabularies/*.txt")[0]).read().split("\n")[1:-1]]
layers = [""] + ["_l%d" % k for k in range(1, 8) if "memory.weight_ih_l%d" % k in header]
cells = [(tensor("memory.weight_ih" + l), tensor("memory.weight_hh" + l), tensor("memory.bias" + l)) for l in layers]
embedding, weight, bias = tensor("embedding.weight"), tensor("logits.weight"), tensor("logits.bias")


def times(m, x):
    return [sum(a * b for a, b in zip(row, x)) for row in m]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def step(word, states):
    x, after = embedding[word], []
    for (w_ih, w_hh, b), (h, c) in zip(cells, states):
        n = len(h)
        z = [p + q + r for p, q, r in zip(times(w_ih, x), times(w_hh, h), b)]
        c = [sigmoid(z[n + j]) * c[j] + sigmoid(z[j]) * math.tanh(z[2 * n + j]) for j in range(n)]
        h = [sigmoid(z[3 * n + j]) * math.tanh(c[j]) for j in range(n)]
        after.append((h, c))
        x = h
    logits = [a + b for a, b in zip(times(weight, x), bias)]
    all_ = sum(math.exp(v) for v in logits)
    return [math.exp(v) / all_ for v in logits], after


def begin(tokens):
    n = len(cells[0][1][0])
    states = [([0.0] * n, [0.0] * n)] * len(cells)
    for t in tokens:
        p, states = step(words.index(t) if t in words else 0, states)
    return p, states


def allowed(p):
    """Probabilities by the rules: temperature, then the top_k, then top_p of what these have."""
    w = [v ** (1 / temperature) for v in p]
    order = sorted(range(len(w)), key=lambda i: (-w[i], i))[:top_k or len(w)]
    whole, kept, have = sum(w[i] for i in order), [], 0
    for i in order:
        if kept and have >= top_p * whole:
            break
        kept.append(i)
        have += w[i]
    return {words[i]: w[i] / have for i in kept}


lines = [json.loads(line) for line in open(name)]
first = {}
for number, o in enumerate(lines):
    tokens = list(o["beginning"]) or ["\n"]
    if len(o["tokens"]) > 1 or o["beginning"] not in first:
        p, states = begin(tokens)
        first[o["beginning"]] = p
    p = first[o["beginning"]]
    log_p = 0
    for i, (token, said) in enumerate(zip(o["tokens"], o["probabilities"])):
        mine = p[words.index(token)]
        log_p += math.log(mine)
        if abs(mine - said) > 1e-5 * mine + 1e-8:
            sys.exit("line %d, token %d '%s': probability %.9g, expected %.9g" % (number + 1, i, token, said, mine))
        if i + 1 < len(o["tokens"]):
            p, states = step(words.index(token), states)
    if abs(log_p - o["log_probability"]) > 1e-4 * abs(log_p):
        sys.exit("line %d: log probability %.9g, expected %.9g" % (number + 1, o["log_probability"], log_p))
    if o["text"] != "".join(o["tokens"]):
        sys.exit("line %d: text %r of tokens %r" % (number + 1, o["text"], o["tokens"]))
if len(lines) > 100:
    expected = allowed(first[lines[0]["beginning"]])
    seen = collections.Counter(o["tokens"][0] for o in lines)
    if set(seen) - set(expected):
        sys.exit("%s came, which the rules leave out" % sorted(set(seen) - set(expected)))
    rare = [t for t in expected if expected[t] * len(lines) < 5]  # too few to compare each: all together
    groups = [[t] for t in expected if t not in rare] + ([rare] if rare else [])
    distance = 0
    for g in groups:
        should = len(lines) * sum(expected[t] for t in g)
        distance += (sum(seen[t] for t in g) - should) ** 2 / max(should, 0.5)
    if len(groups) > 1 and distance > len(groups) - 1 + 5 * math.sqrt(2 * (len(groups) - 1)):
        sys.exit("%d lines: seen %s, expected %s: distance %.1f" % (len(lines), dict(seen), expected, distance))
    if len(groups) < 2 and not rare and top_p == 1 and top_k != 1:
        sys.exit("one token takes all: this compares nothing")
