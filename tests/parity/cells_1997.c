/* cells_1997.c -- experiments 1, 4 and 6 of Hochreiter and Schmidhuber 1997 by a program that has nothing of Tenon: how many
 * sequences a net takes to learn by the paper's formulas, to set beside plugins/layers/lstm1997.c and the figures of docs/results.md.
 *
 *   cc -std=c11 -O3 -Wno-psabi -o cells_1997 tests/parity/cells_1997.c -lm        c11: sums are the same on every processor
 *   ./cells_1997 adding T                  experiment 4; output = logistic for the unit that is linear else, first = 1: see make_adding
 *   ./cells_1997 order 2                   experiment 6a; 3: 6b
 *   ./cells_1997 reber 3                   experiment 1, three blocks of two cells; 4: four of one. moves = symbol: the weights move at
 *                                          every symbol, else once a string; fresh = 1: no string twice, else 256 strings
 * Behind these KEY=VALUE ...: most (sequences, 1000000), seed (1), rate and init (as the paper has them).
 *
 * Tenon goes back through time. Here, as in the paper's appendix, what a weight has done to a cell is summed forwards, beside the cell:
 *
 *     in, out, y^u = f(net)      net_u(t) = sum over sources v: w_uv y^v(t - 1), external inputs of t, bias
 *     s(t) = s(t - 1) + in(t) g(net_c(t))     y^c(t) = out(t) h(s(t))
 *     ds/dw_cv(t) = ds/dw_cv(t - 1) + g'(net_c) in y^v        ds/dw_in,v(t) = ds/dw_in,v(t - 1) + g(net_c) in' y^v
 *
 * and where there are targets, with errors e_k = (target - y^k) f'(net_k) of the output units,
 *
 *     dw_kc = rate e_k y^c     dw_out,v = rate out' y^v sum over its cells h(s) sum over k w_kc e_k
 *     dw_cv, dw_in,v: rate ds/dw times out h'(s) sum over k w_kc e_k
 *
 * f logistic, g in [-2, 2], h in [-1, 1]. LANES trials go side by side, each with weights and sequences of its own.          */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, BLOCKS = 4, CELLS = 6, UNITS = 12, INPUTS = 8, OUTPUTS = 8, SOURCES = UNITS + INPUTS + 1, STEPS = 1200, STRINGS = 256,
       LONGEST = 100 };
typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t bits __attribute__((vector_size(4 * LANES)));
#define INLINE static inline __attribute__((always_inline))     /* vectors as arguments have no fixed place where they are wide */

/* Targets at `asked` steps of a lane: 1, else 0. */
typedef struct sequence { int n; lanes x[STEPS][INPUTS], target[STEPS][OUTPUTS], asked[STEPS]; } sequence;
typedef struct task task;
struct task {
    void (*make)(const task *, sequence *);
    int number, logistic, first_marked, each_symbol, fresh;
    int blocks, size, inputs, outputs, gates_alone;      /* gates_alone: no other unit has a bias                       */
    float rate, init, bias[2 * BLOCKS];                  /* first biases: of input gates, of output gates; 0: as weights */
    float mean_below, within;
};
/* Units in the order input gates, output gates, cells; sources: these, external inputs, a one. */
typedef struct net { lanes w[UNITS][SOURCES], k[OUTPUTS][CELLS + 1]; } net;
typedef struct traces { lanes y[SOURCES], in[CELLS][SOURCES], cell[CELLS][SOURCES], gate_out[BLOCKS], s[CELLS], heard[SOURCES]; } traces;

static int cells_of(const task *t) { return t->blocks * t->size; }
static int units_of(const task *t) { return 2 * t->blocks + cells_of(t); }
static int sources_of(const task *t) { return units_of(t) + t->inputs + 1; }

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
static void ask_at_end(sequence *s)
{
    memset(s->asked, 0, sizeof *s->asked * (size_t)s->n);
    s->asked[s->n - 1] = all(1);
}

/* Numbers in [-1, 1] with marks: one of the first ten, one of the first T / 2 - 1 that are not marked yet. Of a first pair that is
 * marked the paper says that its number counts as zero; whether its mark is then 1, or -1 as that of every first pair, it does not. */
static void make_adding(const task *t, sequence *s)
{
    s->n = t->number + (int)(uniform_one() * (t->number / 10 + 1));
    for (int i = 0; i < s->n; i++) s->x[i][0] = 2 * uniform() - 1, s->x[i][1] = all(0);
    s->x[0][1] = s->x[s->n - 1][1] = all(-1);
    lanes a = uniform() * 10, b = uniform() * (float)(t->number / 2 - 2);
    for (int l = 0; l < LANES; l++) {
        int first = (int)a[l], second = (int)b[l];
        second += second >= first;
        if (!first || !second) s->x[0][0][l] = 0;
        s->x[first][1][l] = s->x[second][1][l] = 1;
        if (!t->first_marked) s->x[0][1][l] = -1;
        s->target[s->n - 1][0][l] = 0.5f + (s->x[first][0][l] + s->x[second][0][l]) / 4;
    }
    ask_at_end(s);
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
    for (int m = 0; m < t->number; m++) {
        lanes at = uniform() * 11, which = uniform() * 2;
        for (int l = 0; l < LANES; l++) {
            symbol[place[t->number - 2][m] + (int)at[l]][l] = which[l] < 1 ? X : Y;
            class[l] = 2 * class[l] + (which[l] >= 1);
        }
    }
    for (int i = 0; i < s->n; i++)
        for (int c = 0; c < INPUTS; c++)
            for (int l = 0; l < LANES; l++) s->x[i][c][l] = symbol[i][l] == c;
    for (int k = 0; k < t->outputs; k++)
        for (int l = 0; l < LANES; l++) s->target[s->n - 1][k][l] = class[l] == k;
    ask_at_end(s);
}

/* Strings of the embedded Reber grammar, symbols B T P S X V E; legal: what may follow, a bit for each. */
typedef struct string { int n; unsigned char symbol[LONGEST], legal[LONGEST]; } string;
static string strings[2 * STRINGS][LANES];               /* to learn from, and others                                  */

static int append(string *s, int symbol, int legal)
{
    if (s->n == LONGEST) return 0;
    s->symbol[s->n] = (unsigned char)symbol, s->legal[s->n++] = (unsigned char)legal;
    return 1;
}

static void make_string(string *s)
{
    enum { B, T, P, S, X, V, E };
    static const int way[6][2] = { { T, P }, { S, X }, { T, V }, { X, S }, { P, V }, { E, E } };
    static const int next[5][2] = { { 1, 2 }, { 1, 3 }, { 2, 4 }, { 2, 5 }, { 3, 5 } };
    int fits;
    do {
        int side = uniform_one() < 0.5 ? T : P, node = 0;
        s->n = 0;
        fits = append(s, B, 1 << T | 1 << P) && append(s, side, 1 << B) && append(s, B, 1 << T | 1 << P);
        while (fits && node < 5) {
            int w = uniform_one() < 0.5, symbol = way[node][w];
            node = next[node][w];
            fits = append(s, symbol, 1 << way[node][0] | 1 << way[node][1]);
        }
        fits = fits && append(s, E, 1 << side) && append(s, side, 1 << E) && append(s, E, 0);
    } while (!fits);
}

/* One string a lane, whose next symbol is asked for at every step. */
static void lay_out(sequence *s, const string *const of[LANES])
{
    s->n = 0;
    for (int l = 0; l < LANES; l++) s->n = of[l]->n - 1 > s->n ? of[l]->n - 1 : s->n;
    for (int i = 0; i < s->n; i++)
        for (int l = 0; l < LANES; l++) {
            int asked = i + 1 < of[l]->n;
            s->asked[i][l] = (float)asked;
            for (int c = 0; c < 7; c++) {
                s->x[i][c][l] = asked && of[l]->symbol[i] == c;
                s->target[i][c][l] = asked && of[l]->symbol[i + 1] == c;
            }
        }
}

static void make_reber(const task *t, sequence *s)
{
    static string new[LANES];
    const string *of[LANES];
    for (int l = 0; l < LANES; l++) {
        of[l] = t->fresh ? &new[l] : &strings[(int)(uniform_one() * STRINGS)][l];
        if (t->fresh) make_string(&new[l]);
    }
    lay_out(s, of);
}

/* ---- the net ------------------------------------------------------------------------------------------------------------ */
static void begin(const task *t, net *n)
{
    int units = units_of(t), one = sources_of(t) - 1;
    for (int u = 0; u < units; u++)
        for (int v = 0; v <= one; v++) n->w[u][v] = (2 * uniform() - 1) * t->init;
    for (int k = 0; k < t->outputs; k++)
        for (int c = 0; c <= cells_of(t); c++) n->k[k][c] = (2 * uniform() - 1) * t->init;
    for (int g = 0; g < 2 * t->blocks; g++)
        if (t->bias[g] < 0) n->w[g][one] = all(t->bias[g]);
    for (int u = 2 * t->blocks; t->gates_alone && u < units; u++) n->w[u][one] = all(0);
    for (int k = 0; t->gates_alone && k < t->outputs; k++) n->k[k][cells_of(t)] = all(0);
}

static void step(const task *t, const net *n, traces *r, const lanes *x)
{
    int blocks = t->blocks, units = units_of(t), sources = sources_of(t);
    lanes unit[UNITS];
    memcpy(r->heard, r->y, sizeof(lanes) * (size_t)units);
    memcpy(r->heard + units, x, sizeof(lanes) * (size_t)t->inputs);
    r->heard[sources - 1] = all(1);
    for (int u = 0; u < units; u++) {
        lanes sum = all(0);
        for (int v = 0; v < sources; v++) sum += n->w[u][v] * r->heard[v];
        unit[u] = logistic(sum);
    }
    for (int c = 0, b = 0; b < blocks; b++)
        for (; c < t->size * (b + 1); c++) {
            lanes in = unit[b], f = unit[2 * blocks + c], g = 4 * f - 2;
            lanes by_in = g * in * (1 - in), by_cell = 4 * f * (1 - f) * in;
            for (int v = 0; v < sources; v++) r->in[c][v] += by_in * r->heard[v], r->cell[c][v] += by_cell * r->heard[v];
            r->s[c] += in * g;
            r->y[2 * blocks + c] = unit[blocks + b] * (2 * logistic(r->s[c]) - 1);
        }
    memcpy(r->y, unit, sizeof(lanes) * (size_t)(2 * blocks));
    memcpy(r->gate_out, unit + blocks, sizeof(lanes) * (size_t)blocks);
}

static lanes output(const task *t, const net *n, const traces *r, int k)
{
    lanes out = n->k[k][cells_of(t)];
    for (int c = 0; c < cells_of(t); c++) out += n->k[k][c] * r->y[2 * t->blocks + c];
    return t->logistic ? logistic(out) : out;
}

/* Errors of the output units at step i, and what they move weights by added to `to`, which may be n itself. */
static void learn(const task *t, const net *n, net *to, const traces *r, const sequence *s, int i, lanes *error)
{
    int blocks = t->blocks, cells = cells_of(t), moved_sources[2] = { sources_of(t), sources_of(t) - t->gates_alone };
    const lanes *y = r->y + 2 * blocks;
    lanes to_cell[CELLS] = { { 0 } };
    for (int k = 0; k < t->outputs; k++) {
        lanes out = output(t, n, r, k), e = error[k] = (s->target[i][k] - out) * s->asked[i];
        if (t->logistic) e *= out * (1 - out);
        for (int c = 0; c < cells; c++) to_cell[c] += n->k[k][c] * e, to->k[k][c] += t->rate * e * y[c];
        if (!t->gates_alone) to->k[k][cells] += t->rate * e;
    }
    for (int c = 0, b = 0; b < blocks; b++) {
        lanes out = r->gate_out[b], to_out = all(0);
        for (; c < t->size * (b + 1); c++) {
            lanes h = 2 * logistic(r->s[c]) - 1, moved = t->rate * out * 0.5f * (1 - h * h) * to_cell[c];
            to_out += h * to_cell[c];
            for (int v = 0; v < moved_sources[0]; v++) to->w[b][v] += moved * r->in[c][v];
            for (int v = 0; v < moved_sources[1]; v++) to->w[2 * blocks + c][v] += moved * r->cell[c][v];
        }
        to_out *= t->rate * out * (1 - out);
        for (int v = 0; v < moved_sources[0]; v++) to->w[blocks + b][v] += to_out * r->heard[v];
    }
}

static void learn_sequence(const task *t, net *n, const sequence *s, lanes *error)
{
    static traces r;
    static net moves;
    int at_end = t->make != make_reber, once = !at_end && !t->each_symbol;
    memset(&r, 0, sizeof r), memset(&moves, 0, sizeof moves);
    for (int i = 0; i < s->n; i++) {
        step(t, n, &r, s->x[i]);
        if (!at_end || i == s->n - 1) learn(t, n, once ? &moves : n, &r, s, i, error);
    }
    for (int u = 0; once && u < UNITS; u++)
        for (int v = 0; v < SOURCES; v++) n->w[u][v] += moves.w[u][v];
    for (int k = 0; once && k < OUTPUTS; k++)
        for (int c = 0; c <= CELLS; c++) n->k[k][c] += moves.k[k][c];
}

/* ---- whether a trial has learned ---------------------------------------------------------------------------------------- */
/* The mean error of the last 1000 is small, and the last 2000 were all right. */
static void look_at_errors(const task *t, long done, const lanes *error, long *learned)
{
    enum { LOOK = 1000, IN_A_ROW = 2000 };
    static int row[LANES];
    static float sum[LANES];
    for (int l = 0; l < LANES; l++) {
        float largest = 0;
        for (int k = 0; k < t->outputs; k++) {
            float e = fabsf(error[k][l]);
            sum[l] += e / (float)t->outputs, largest = e > largest ? e : largest;
        }
        row[l] = largest < t->within ? row[l] + 1 : 0;
        if (done % LOOK) continue;
        if (!learned[l] && sum[l] / LOOK < t->mean_below && row[l] >= IN_A_ROW) learned[l] = done;
        sum[l] = 0;
    }
}

/* The most active outputs are those that may follow, at every symbol of all strings. Looked at every 256 strings. */
static void look_at_strings(const task *t, const net *n, long done, long *learned)
{
    static sequence s;
    static traces r;
    int wrong[LANES] = { 0 };
    for (int q = 0; q < 2 * STRINGS && done % STRINGS == 0; q++) {
        const string *of[LANES];
        for (int l = 0; l < LANES; l++) of[l] = &strings[q][l];
        lay_out(&s, of);
        memset(&r, 0, sizeof r);
        for (int i = 0; i < s.n; i++) {
            lanes least = all(2), most = all(-1);
            step(t, n, &r, s.x[i]);
            for (int k = 0; k < t->outputs; k++) {
                lanes out = output(t, n, &r, k);
                for (int l = 0; l < LANES; l++) {
                    if (of[l]->legal[i] >> k & 1) least[l] = out[l] < least[l] ? out[l] : least[l];
                    else most[l] = out[l] > most[l] ? out[l] : most[l];
                }
            }
            for (int l = 0; l < LANES; l++) wrong[l] |= i + 1 < of[l]->n && least[l] <= most[l];
        }
    }
    for (int l = 0; l < LANES && done % STRINGS == 0; l++)
        if (!learned[l] && !wrong[l]) learned[l] = done;
}

/* ---- trials ------------------------------------------------------------------------------------------------------------- */
static int run(const task *t, long most, long *learned)
{
    static net n;
    static sequence s;
    int left = LANES;
    begin(t, &n);
    for (int q = 0; q < 2 * STRINGS; q++)
        for (int l = 0; l < LANES; l++) make_string(&strings[q][l]);
    for (long done = 1; done <= most && left; done++) {
        lanes error[OUTPUTS];
        t->make(t, &s);
        learn_sequence(t, &n, &s, error);
        if (t->make == make_reber) look_at_strings(t, &n, done, learned);
        else look_at_errors(t, done, error, learned);
        left = 0;
        for (int l = 0; l < LANES; l++) left += !learned[l];
    }
    return LANES - left;
}

/* What the paper has for an experiment; 0: there is none of this name and number. */
static int task_of(task *t, const char *name, int number)
{
    task adding = { make_adding, number, 0, 0, 0, 0, 2, 2, 2, 1, 0, 0.5f, 0.1f, { -3, -6 }, 0.01f, 0.04f };
    task order = { make_order, number, 1, 0, 0, 0, number, 2, 8, number == 2 ? 4 : 8, 0, number == 2 ? 0.5f : 0.1f, 0.1f, { -2, -4, -6 },
                   0.1f, 0.3f };
    task reber = { make_reber, number, 1, 0, 0, 0, number, number == 3 ? 2 : 1, 7, 7, 1, 0.5f, 0.2f, { 0 }, 0, 0 };
    if (number == 2) order.bias[2] = 0; /* the third is a gate of another kind then */
    for (int b = 0; b < number && number <= BLOCKS; b++) reber.bias[number + b] = -(float)(b + 1);
    if (!strcmp(name, "adding") && number >= 20 && number + number / 10 <= STEPS) *t = adding;
    else if (!strcmp(name, "order") && (number == 2 || number == 3)) *t = order;
    else if (!strcmp(name, "reber") && (number == 3 || number == 4)) *t = reber;
    else return 0;
    return 1;
}

/* KEY=VALUE. 0: no such key. */
static int set(task *t, long *most, uint64_t *seed, const char *given)
{
    const char *value = strchr(given, '=');
    size_t n = value ? (size_t)(value - given) : 0;
#define IS(key) (n == strlen(key) && !strncmp(given, key, n))
    if (IS("most")) *most = atol(value + 1);
    else if (IS("seed")) *seed = strtoull(value + 1, NULL, 10);
    else if (IS("rate")) t->rate = (float)atof(value + 1);
    else if (IS("init")) t->init = (float)atof(value + 1);
    else if (IS("output")) t->logistic = !strcmp(value + 1, "logistic");
    else if (IS("first")) t->first_marked = atoi(value + 1);
    else if (IS("moves")) t->each_symbol = !strcmp(value + 1, "symbol");
    else if (IS("fresh")) t->fresh = atoi(value + 1);
    else return 0;
    return 1;
}

int main(int count, char **value)
{
    task t;
    long most = 1000000, learned[LANES] = { 0 }, least = 0, longest = 0, sum = 0;
    uint64_t seed = 1;
    int known = count > 2 && task_of(&t, value[1], atoi(value[2]));
    for (int i = 3; known && i < count; i++) known = set(&t, &most, &seed, value[i]);
    if (!known) {
        fprintf(stderr, "usage: cells_1997 adding T | order 2|3 | reber 3|4 [most=N] [seed=N] [rate=X] [init=X] [output=linear|logistic] "
                        "[first=0|1] [moves=string|symbol] [fresh=0|1]\n");
        return 2;
    }
    seed_all(seed);
    int n = run(&t, most, learned);
    for (int l = 0; l < LANES; l++) {
        if (!learned[l]) continue;
        sum += learned[l], longest = learned[l] > longest ? learned[l] : longest;
        if (!least || learned[l] < least) least = learned[l];
    }
    printf("%s %d: %d of %d learned within %ld sequences", value[1], t.number, n, LANES, most);
    if (n) printf("; of those after %ld in the mean, %ld to %ld", sum / n, least, longest);
    puts("");
    return 0;
}
