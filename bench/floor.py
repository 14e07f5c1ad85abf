"""What a training step of a workload takes at least: its arithmetic, by the peaks of this processor.

A step multiplies forward, for the gradient of what came in, and for the gradient of each weight: three times
2 N 4H (E + H) for each direction of an LSTM of N rows, and 2 N H V for a dense layer. Each unit of each row needs six
sigmoids or tanhs, each logit of a softmax one exponential. The optimizer reads and writes every parameter that has a
gradient: seven numbers each for Adam, three for plain descent. Nothing else is counted, and nothing is saved by words
that come twice: a step may come near this and, where it computes a repeated word once, below it.
"""
import json, math, os, subprocess

WORD = (1 << 64) - 1


def uniforms(seed, n):
    """The law of the data, as in bench/peers/torch_peer.py: splitmix64."""
    state, out = seed, []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & WORD
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        out.append(((z ^ (z >> 31)) >> 11) * 2.0**-53)
    return out


def lengths(batch, seed, median, sigma, least, most):
    u = uniforms(seed, 2 * batch)
    z = [math.sqrt(-2 * math.log(1 - u[2 * b])) * math.cos(2 * math.pi * u[2 * b + 1]) for b in range(batch)]
    return [max(least, min(most, int(median * math.exp(sigma * v)))) for v in z]


# vocabulary, embedding, units, directions, layers, outputs of the dense layer, batch, steps or lengths, dense at every row, numbers of the optimizer
WORKLOADS = {
    "i": (20000, 128, 128, 1, 1, 1, 32, 80, False, 7),
    "ii": (20000, 128, 64, 2, 1, 1, 32, 200, False, 7),
    "ii.packed": (20000, 128, 64, 2, 1, 1, 32, lengths(32, 1, 174, .77, 10, 200), False, 7),
    "iii": (10000, 32, 32, 1, 1, 2, 128, 200, False, 7),
    "iv200": (10000, 200, 200, 1, 2, 10000, 20, 20, True, 3),
    "iv650": (10000, 650, 650, 1, 2, 10000, 20, 35, True, 3),
    "v": (20000, 100, 100, 2, 1, 9, 10, lengths(10, 3, 11, .7, 2, 60), True, 7),
}


def work(shape):
    """(floating-point operations, functions, bytes of the optimizer) of a step."""
    vocabulary, width, units, directions, layers, out, batch, steps, at_every_row, numbers = shape
    length = steps if isinstance(steps, list) else [steps] * batch
    rows, stride = sum(length), max(length)
    ids = [max(1, min(vocabulary - 1, int(math.exp(u * math.log(vocabulary))))) for u in uniforms(2, batch * stride)]
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
