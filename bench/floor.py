"""What a training step of a workload takes at least: its arithmetic, by the peaks of this processor.

A step multiplies forward, for the gradient of what came in, and for the gradient of each weight: three times
2 N 4H (E + H) for each direction of an LSTM of N rows, and 2 N H V for a dense layer. Each unit of each row needs six
sigmoids or tanhs, each logit of a softmax one exponential. The optimizer reads and writes every parameter that has a
gradient: seven numbers each for Adam, three for plain descent. Nothing else is counted, and nothing is saved by words
that come twice: a step may come near this and, where it computes a repeated word once, below it.
"""
import json, os, subprocess, sys
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import law

# vocabulary, embedding, units, directions, layers, outputs of the dense layer, batch, steps or lengths, dense at every row,
# numbers that the optimizer moves for a parameter
WORKLOADS = {
    "i": (20000, 128, 128, 1, 1, 1, 32, 80, False, 7),
    "ii": (20000, 128, 64, 2, 1, 1, 32, 200, False, 7),
    "ii.packed": (20000, 128, 64, 2, 1, 1, 32, law.lengths(32, 1, 174, .77, 10, 200), False, 7),
    "iii": (10000, 32, 32, 1, 1, 2, 128, 200, False, 7),
    "iv200": (10000, 200, 200, 1, 2, 10000, 20, 20, True, 3),
    "iv650": (10000, 650, 650, 1, 2, 10000, 20, 35, True, 3),
    "v": (20000, 100, 100, 2, 1, 9, 10, law.lengths(10, 3, 11, .7, 2, 60), True, 7),
}


def work(shape):
    """(floating-point operations, functions, bytes of the optimizer) of a step."""
    vocabulary, width, units, directions, layers, out, batch, steps, at_every_row, numbers = shape
    length = steps if isinstance(steps, list) else [steps] * batch
    rows, stride = sum(length), max(length)
    ids = law.ids(vocabulary, batch * stride)
    distinct = len({ids[b * stride + t] for b in range(batch) for t in range(length[b])})
    flops, parameters, wide = 0, distinct * width, width
    for _ in range(layers):
        flops += 3 * 2 * rows * 4 * units * (wide + units) * directions
        parameters += 4 * units * (wide + units + 1) * directions
        wide = units * directions
    heads = rows if at_every_row else batch
    flops += 3 * 2 * heads * wide * out
    functions = 6 * rows * units * directions * layers + heads * out
    return flops, functions, 4 * numbers * (parameters + (wide + 1) * out)


def peaks(build, threads):
    """Of the widest program that this processor runs."""
    for isa in (".v4", ".v3", ""):
        program = os.path.join(build, "bench", "peaks" + isa)
        if not os.path.exists(program):
            continue
        done = subprocess.run([program, str(threads)], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.startswith("{"):
            return json.loads(done.stdout)
    return None


def floor_ms(shape, peak):
    flops, functions, size = work(shape)
    return 1e-6 * (flops / peak["fma_gflops"] + functions / peak["functions_g"] + size / peak["triad_gbs"])


def forward_ms(shape, peak):
    """Of a forward pass: a third of the multiplications, no optimizer."""
    flops, functions, _ = work(shape)
    return 1e-6 * (flops / 3 / peak["fma_gflops"] + functions / peak["functions_g"])


def first_example(shape):
    """The shape of a batch that has its first example alone."""
    steps = shape[7]
    return (*shape[:6], 1, steps[:1] if isinstance(steps, list) else steps, *shape[8:])
