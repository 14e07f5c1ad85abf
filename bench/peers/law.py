"""The law of the benchmarks' data, the same in any language: splitmix64 from a seed, u = (x >> 11) * 2^-53.

Ids are max(1, min(V - 1, floor(exp(u ln V)))), so that word k comes about as often as 1 / k. A length is
clamp(floor(median exp(sigma z)), least, most), z = sqrt(-2 ln(1 - u1)) cos(2 pi u2), u1 then u2 drawn for each row.
"""
import math

WORD = (1 << 64) - 1


def uniforms(seed, n):
    state, out = seed, []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & WORD
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
        out.append(((z ^ (z >> 31)) >> 11) * 2.0**-53)
    return out


def ids(vocabulary, n, seed=2):
    return [max(1, min(vocabulary - 1, int(math.exp(u * math.log(vocabulary))))) for u in uniforms(seed, n)]


def lengths(batch, seed, median, sigma, least, most):
    u = uniforms(seed, 2 * batch)
    z = [math.sqrt(-2 * math.log(1 - u[2 * b])) * math.cos(2 * math.pi * u[2 * b + 1]) for b in range(batch)]
    return [max(least, min(most, int(median * math.exp(sigma * v)))) for v in z]
