/* cells_1997.c -- experiments 4 and 6 of Hochreiter and Schmidhuber 1997 by a program that has nothing of Tenon: how many
 * sequences a net takes to learn by the paper's formulas, to set beside plugins/layers/lstm1997.c and the figures of docs/results.md.
 *
 *   cc -O3 -march=native -Wno-psabi -o cells_1997 tests/parity/cells_1997.c -lm
 *   ./cells_1997 adding T [most sequences, 1000000] [linear | logistic] [seed, 1] [unmarked | marked]
 *   ./cells_1997 order 2 | 3 [most sequences] [logistic | linear] [seed]
 *
 * Tenon goes back through time. Here, as in the paper's appendix, what a weight has done to a cell is summed forwards, beside the cell:
 *
 *     in, out, y^u = f(net)      net_u(t) = sum over sources v: w_uv y^v(t - 1), external inputs of t, bias
 *     s(t) = s(t - 1) + in(t) g(net_c(t))     y^c(t) = out(t) h(s(t))
 *     ds/dw_cv(t) = ds/dw_cv(t - 1) + g'(net_c) in y^v        ds/dw_in,v(t) = ds/dw_in,v(t - 1) + g(net_c) in' y^v
 *
 * and at the end of a sequence, with errors e_k = (target - y^k) f'(net_k) of the output units,
 *
 *     dw_kc = rate e_k y^c     dw_out,v = rate out' y^v sum over its cells h(s) sum over k w_kc e_k
 *     dw_cv, dw_in,v: rate ds/dw times out h'(s) sum over k w_kc e_k
 *
 * f logistic, g in [-2, 2], h in [-1, 1]. LANES trials go side by side, each with weights and sequences of its own; only the lengths are
 * shared. A trial has learned by the paper's rule, looked at every 1000 sequences.                                        */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, BLOCKS = 3, SIZE = 2, CELLS = BLOCKS * SIZE, UNITS = 2 * BLOCKS + CELLS, INPUTS = 8, OUTPUTS = 8,
       SOURCES = UNITS + INPUTS + 1, STEPS = 1200, LOOK = 1000, IN_A_ROW = 2000 };
typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t bits __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))     /* vectors as arguments have no fixed place where they are wide */

typedef struct task {
    int adding, length, marks, logistic, first_marked;
    int blocks, inputs, outputs;
    float rate, mean_below, within, input_bias[BLOCKS];
} task;

/* Units in the order input gates, output gates, cells; sources: these, external inputs, a one. */
typedef struct net { lanes w[UNITS][SOURCES], k[OUTPUTS][CELLS + 1]; } net;
typedef struct sequence { int n; lanes x[STEPS][INPUTS], target[OUTPUTS]; } sequence;
typedef struct traces { lanes y[SOURCES], in[CELLS][SOURCES], cell[CELLS][SOURCES], gate_out[BLOCKS], h[CELLS], heard[SOURCES]; } traces;

/* ---- functions, random numbers ------------------------------------------------------------------------------------------ */
INLINE lanes all(float x) { return (lanes){ 0 } + x; }

/* Lanes of a where `which` is -1, of b where it is 0. */
INLINE lanes chosen(ints which, lanes a, lanes b) { return (lanes)((which & (ints)a) | (~which & (ints)b)); }

INLINE lanes exp_of(lanes x)
{
    const float coefficient[] = { 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1, 1 };
    x = chosen(x < -80, all(-80), chosen(x > 80, all(80), x));
    lanes magic = all(12582912), n = x * 1.44269504f + magic, f, p = all(1.0f / 5040); /* x = n ln 2 + f */
    ints power = (ints)n - (ints)magic;
    n -= magic, f = x - n * 0.693359375f + n * 2.12194440e-4f;
    for (int i = 0; i < 7; i++) p = p * f + coefficient[i];
    return (lanes)((ints)p + (power << 23));
}

INLINE lanes logistic(lanes x) { return 1 / (1 + exp_of(-x)); }

static uint64_t one_stream;
static bits streams[4];

static double uniform_one(void)
{
    one_stream = one_stream * 6364136223846793005u + 1442695040888963407u;
    return (double)(one_stream >> 11) / 9007199254740992.0;
}

/* In [0, 1), one for each lane: xorshift (Marsaglia 2003). */
INLINE lanes uniform(void)
{
    bits t = streams[3] ^ (streams[3] << 11), s = streams[0];
    streams[3] = streams[2], streams[2] = streams[1], streams[1] = s;
    streams[0] = (t ^ (t >> 8)) ^ s ^ (s >> 19);
    return __builtin_convertvector((ints)(streams[0] >> 8), lanes) / 16777216;
}

static void seed_all(uint64_t seed)
{
    one_stream = seed * 7919;
    for (int i = 0; i < 100; i++) uniform_one();
    for (int i = 0; i < 4; i++)
        for (int l = 0; l < LANES; l++) streams[i][l] = (uint32_t)(uniform_one() * 4294967296.0);
    for (int i = 0; i < 20; i++) uniform();
}

/* ---- sequences ---------------------------------------------------------------------------------------------------------- */
/* Numbers in [-1, 1] with marks: one of the first ten, one of the first T / 2 - 1 that are not marked yet. Of a first pair that is
 * marked the paper says that its number counts as zero; whether its mark is then 1, or -1 as that of every first pair, it does not. */
static void make_adding(const task *t, sequence *s)
{
    s->n = t->length + (int)(uniform_one() * (t->length / 10 + 1));
    for (int i = 0; i < s->n; i++) s->x[i][0] = 2 * uniform() - 1, s->x[i][1] = all(0);
    s->x[0][1] = s->x[s->n - 1][1] = all(-1);
    lanes a = uniform() * 10, b = uniform() * (float)(t->length / 2 - 2);
    for (int l = 0; l < LANES; l++) {
        int first = (int)a[l], second = (int)b[l];
        second += second >= first;
        if (!first || !second) s->x[0][0][l] = 0;
        s->x[first][1][l] = s->x[second][1][l] = 1;
        if (!t->first_marked) s->x[0][1][l] = -1;
        s->target[0][l] = 0.5f + (s->x[first][0][l] + s->x[second][0][l]) / 4;
    }
}

/* E, symbols a b c d with X or Y at two or three places, B; the class is the order of the X and Y. */
static void make_order(const task *t, sequence *s)
{
    static const int place[2][3] = { { 10, 50, 0 }, { 10, 33, 66 } };
    enum { E, B, LETTERS, X = 6, Y };
    s->n = 100 + (int)(uniform_one() * 11);
    int symbol[STEPS][LANES], class[LANES] = { 0 };
    for (int i = 0; i < s->n; i++) {
        lanes u = uniform() * 4;
        for (int l = 0; l < LANES; l++) symbol[i][l] = !i ? E : i == s->n - 1 ? B : LETTERS + (int)u[l];
    }
    for (int m = 0; m < t->marks; m++) {
        lanes at = uniform() * 11, which = uniform() * 2;
        for (int l = 0; l < LANES; l++) {
            symbol[place[t->marks - 2][m] + (int)at[l]][l] = which[l] < 1 ? X : Y;
            class[l] = 2 * class[l] + (which[l] >= 1);
        }
    }
    for (int i = 0; i < s->n; i++)
        for (int c = 0; c < INPUTS; c++)
            for (int l = 0; l < LANES; l++) s->x[i][c][l] = symbol[i][l] == c;
    for (int k = 0; k < t->outputs; k++)
        for (int l = 0; l < LANES; l++) s->target[k][l] = class[l] == k;
}

/* ---- the net ------------------------------------------------------------------------------------------------------------ */
static void begin(const task *t, net *n)
{
    int units = (2 + SIZE) * t->blocks, sources = units + t->inputs + 1;
    for (int u = 0; u < units; u++)
        for (int v = 0; v < sources; v++) n->w[u][v] = 0.2f * uniform() - 0.1f;
    for (int k = 0; k < t->outputs; k++)
        for (int c = 0; c <= SIZE * t->blocks; c++) n->k[k][c] = 0.2f * uniform() - 0.1f;
    for (int b = 0; b < t->blocks; b++) n->w[b][sources - 1] = all(t->input_bias[b]);
}

static void step(const task *t, const net *n, traces *r, const lanes *x)
{
    int blocks = t->blocks, units = (2 + SIZE) * blocks, sources = units + t->inputs + 1;
    lanes unit[UNITS];
    memcpy(r->heard, r->y, sizeof(lanes) * (size_t)units);
    memcpy(r->heard + units, x, sizeof(lanes) * (size_t)t->inputs);
    r->heard[sources - 1] = all(1);
    for (int u = 0; u < units; u++) {
        lanes sum = all(0);
        for (int v = 0; v < sources; v++) sum += n->w[u][v] * r->heard[v];
        unit[u] = logistic(sum);
    }
    for (int c = 0; c < SIZE * blocks; c++) {
        lanes in = unit[c / SIZE], out = unit[blocks + c / SIZE], f = unit[2 * blocks + c], g = 4 * f - 2;
        lanes by_in = g * in * (1 - in), by_cell = 4 * f * (1 - f) * in;
        for (int v = 0; v < sources; v++) r->in[c][v] += by_in * r->heard[v], r->cell[c][v] += by_cell * r->heard[v];
        r->h[c] += in * g; /* s, of which h is taken below */
        r->y[2 * blocks + c] = out * (2 * logistic(r->h[c]) - 1);
    }
    memcpy(r->y, unit, sizeof(lanes) * (size_t)(2 * blocks));
    memcpy(r->gate_out, unit + blocks, sizeof(lanes) * (size_t)blocks);
}

/* Errors of the output units, and the weights moved by them. */
static void learn(const task *t, net *n, const traces *r, const sequence *s, lanes *error)
{
    int blocks = t->blocks, cells = SIZE * blocks, sources = (2 + SIZE) * blocks + t->inputs + 1;
    const lanes *y = r->y + 2 * blocks;
    lanes to_cell[CELLS] = { { 0 } };
    for (int k = 0; k < t->outputs; k++) {
        lanes out = n->k[k][cells], e;
        for (int c = 0; c < cells; c++) out += n->k[k][c] * y[c];
        if (t->logistic) out = logistic(out);
        error[k] = s->target[k] - out, e = t->logistic ? error[k] * out * (1 - out) : error[k];
        for (int c = 0; c < cells; c++) to_cell[c] += n->k[k][c] * e, n->k[k][c] += t->rate * e * y[c];
        n->k[k][cells] += t->rate * e;
    }
    for (int b = 0; b < blocks; b++) {
        lanes out = r->gate_out[b], to_out = all(0);
        for (int c = SIZE * b; c < SIZE * (b + 1); c++) {
            lanes h = 2 * logistic(r->h[c]) - 1, moved = t->rate * out * 0.5f * (1 - h * h) * to_cell[c];
            to_out += h * to_cell[c];
            for (int v = 0; v < sources; v++) n->w[b][v] += moved * r->in[c][v], n->w[2 * blocks + c][v] += moved * r->cell[c][v];
        }
        to_out *= t->rate * out * (1 - out);
        for (int v = 0; v < sources; v++) n->w[blocks + b][v] += to_out * r->heard[v];
    }
}

/* ---- trials ------------------------------------------------------------------------------------------------------------- */
static long run(const task *t, long most, long *learned)
{
    static net n;
    static traces r;
    static sequence s;
    lanes error[OUTPUTS], sum = all(0);
    int row[LANES] = { 0 };
    long left = LANES;
    begin(t, &n);
    for (long done = 1; done <= most && left; done++) {
        (t->adding ? make_adding : make_order)(t, &s);
        memset(&r, 0, sizeof r);
        for (int i = 0; i < s.n; i++) step(t, &n, &r, s.x[i]);
        learn(t, &n, &r, &s, error);
        for (int l = 0; l < LANES; l++) {
            float largest = 0;
            for (int k = 0; k < t->outputs; k++) {
                float e = fabsf(error[k][l]);
                sum[l] += e / (float)t->outputs, largest = e > largest ? e : largest;
            }
            row[l] = largest < t->within ? row[l] + 1 : 0;
        }
        if (done % LOOK) continue;
        for (int l = 0; l < LANES; l++)
            if (!learned[l] && sum[l] / LOOK < t->mean_below && row[l] >= IN_A_ROW) learned[l] = done, left--;
        sum = all(0);
    }
    return LANES - left;
}

static const char *argument(int count, char **value, int i, const char *otherwise) { return i < count ? value[i] : otherwise; }

int main(int count, char **value)
{
    int adding = count > 2 && !strcmp(value[1], "adding"), order = count > 2 && !strcmp(value[1], "order");
    int number = count > 2 ? atoi(value[2]) : 0;
    long most = atol(argument(count, value, 3, "1000000")), learned[LANES] = { 0 }, least = 0, longest = 0, sum = 0;
    const char *output = argument(count, value, 4, adding ? "linear" : "logistic");
    if ((!adding && !order) || (adding && (number < 20 || number > STEPS * 10 / 11 - 1)) || (order && number != 2 && number != 3)) {
        fprintf(stderr, "usage: cells_1997 adding T | order 2|3 [most sequences] [linear|logistic] [seed] [unmarked|marked]\n");
        return 2;
    }
    task t = { adding, number, number, !strcmp(output, "logistic"), !strcmp(argument(count, value, 6, "unmarked"), "marked"), 2, 2, 1, 0.5f,
               0.01f, 0.04f, { -3, -6 } };
    if (order) t = (task){ 0, 0, number, t.logistic, 0, number, 8, number == 2 ? 4 : 8, number == 2 ? 0.5f : 0.1f, 0.1f, 0.3f, { -2, -4, -6 } };
    seed_all(strtoull(argument(count, value, 5, "1"), NULL, 10));
    long n = run(&t, most, learned);
    for (int l = 0; l < LANES; l++) {
        if (!learned[l]) continue;
        sum += learned[l], longest = learned[l] > longest ? learned[l] : longest;
        if (!least || learned[l] < least) least = learned[l];
    }
    printf("%s %d: %ld of %d learned within %ld sequences", value[1], number, n, LANES, most);
    if (n) printf("; of those after %ld in the mean, %ld to %ld", sum / n, least, longest);
    puts("");
    return 0;
}
