/* optimize_test.c -- one update of all parameters (host/optimize.c): the step on rows in use against the step on the whole
 * table, the norm and penalties against sums in double, clipping, groups, frozen parts, gradients zero afterwards; the
 * same bits with 1, 2 and 3 threads.
 *
 *     optimize_test PLUGINS */
#include "test_host.h"
#include "../host/optimize.h"

/* An embedding of which ids name some rows (neighbours, a last one, one where pieces part), a weight and its bias of a
 * second layer, a weight of a third. */
enum { ROWS = 3000, WIDTH = 20, TABLE = ROWS * WIDTH, WEIGHT = 40001, BIAS = 7, LAST = 500, PARAMETERS = 4, IN_USE = 8 };
static const int32_t in_use[IN_USE] = { 1, 4, 5, 6, 818, 819, 820, 2999 };
static const char *plugins;

typedef struct net {
    test_host h;
    experiment e;
    graph g;
    node owner[PARAMETERS];
    parameter w[PARAMETERS], *at[PARAMETERS];
    group group[2];
    penalty penalties[2];
    optimizer o;
} net;

static float uniform_at(int64_t i) { return (float)((i * 7919 + 13) % 2003) / 1001.5f - 1; }

static void add_parameter(net *n, int i, const char *name, int64_t rows, int64_t width, uint32_t flags)
{
    parameter *w = n->at[i] = &n->w[i];
    *w = (parameter){ .name = name, .owner = &n->owner[i], .rows = rows, .width = width, .offset = n->g.floats, .sparse = i == 0,
                      .row = in_use, .n_rows = i == 0 ? IN_USE : 0 };
    w->p.flags = flags;
    for (int64_t k = 0; k < rows * width; k++) n->g.value[n->g.floats + k] = uniform_at(k + 100 * i);
    n->g.floats += (rows * width + 15) & ~(int64_t)15;
}

static net *net_open(int threads, const char *toml)
{
    net *n = memory_new(sizeof *n);
    if (test_open(&n->h, plugins, 0, threads)) return NULL;
    n->g = (graph){ .be = n->h.be, .parameter = n->at, .n_parameters = PARAMETERS };
    n->g.value = memory_new(sizeof(float) * (TABLE + WEIGHT + BIAS + LAST + 64));
    n->g.gradient = memory_new(sizeof(float) * (TABLE + WEIGHT + BIAS + LAST + 64));
    add_parameter(n, 0, "embedding.weight", ROWS, WIDTH, 0);
    add_parameter(n, 1, "encoder.weight", WEIGHT, 1, 0);
    add_parameter(n, 2, "encoder.bias", 1, BIAS, TN_P_NO_DECAY);
    add_parameter(n, 3, "output.weight", LAST, 1, 0);
    n->e.graph = &n->g, n->e.context = n->h.context, n->e.group = n->group, n->e.regularizer = n->penalties;
    n->e.n_groups = 1;
    n->group[0] = (group){ .optimizer = test_part_of(&n->h, TN_OPTIMIZER, toml), .rate = 0.1 };
    return n;
}

static void net_close(net *n)
{
    optimizer_close(&n->o);
    part_close(n->group[0].optimizer);
    for (int i = 0; i < n->e.n_regularizers; i++) part_close(n->penalties[i].part);
    memory_free(n->g.value);
    memory_free(n->g.gradient);
    arena_free(&n->e.memory);
    test_close(&n->h);
    memory_free(n);
}

/* Gradients of step t; of the table, only rows in use have any. */
static void give_gradients(net *n, int64_t t)
{
    for (int i = 0; i < PARAMETERS; i++)
        for (int64_t k = 0; k < n->w[i].rows * n->w[i].width; k++) n->g.gradient[n->w[i].offset + k] = uniform_at(k + 31 * t + i);
    float *table = n->g.gradient;
    for (int64_t r = 0, u = 0; r < ROWS; r++) {
        if (u < n->w[0].n_rows && n->w[0].row[u] == r) u++;
        else memset(table + r * WIDTH, 0, sizeof *table * WIDTH);
    }
}

static int steps(net *n, int count, double *added, double *norm)
{
    int rc = n->o.e ? 0 : optimizer_open(&n->o, &n->e);
    for (int64_t t = 1; t <= count && !rc; t++) {
        tn_progress p = { .size = sizeof p, .step = t };
        if (t == 3) n->w[0].n_rows = 0; /* a step in which no row is in use */
        give_gradients(n, t);
        rc = optimizer_step(&n->o, &p, added, norm);
        int64_t left = 0;
        for (int64_t k = 0; k < n->g.floats; k++) left += n->g.gradient[k] != 0;
        expect(!left, "after step %d the gradient is not zero at %lld places", (int)t, (long long)left);
    }
    expect(!rc, "a step fails: %s", n->e.host.error);
    return rc;
}

static void test_rows_in_use(const char *toml, int same)
{
    net *whole = net_open(1, toml), *rows = net_open(2, toml);
    double added, norm;
    whole->w[0].touched_more = 1;
    whole->e.clip_norm = rows->e.clip_norm = 50;
    steps(whole, 3, &added, &norm);
    steps(rows, 3, &added, &norm);
    size_t bytes = sizeof(float) * (size_t)whole->g.floats, table = sizeof(float) * TABLE;
    if (same) expect(!memcmp(whole->g.value, rows->g.value, bytes), "%s: by rows in use it is not as over the whole table", toml);
    else expect(memcmp(whole->g.value, rows->g.value, table) && !memcmp(whole->g.value + TABLE, rows->g.value + TABLE, bytes - table),
                "%s: only rows of the table that are not in use may be left alone", toml);
    int moved = 0, never = 0, u = 0;
    for (int r = 0; r < ROWS; r++) {
        int named = u < IN_USE && in_use[u] == r, still = 1;
        if (named) u++;
        for (int j = 0; j < WIDTH; j++) still &= rows->g.value[r * WIDTH + j] == uniform_at(r * WIDTH + j);
        moved += named && !still, never += !named && still;
    }
    expect(moved == IN_USE && never == ROWS - IN_USE, "%s: %d rows in use moved, %d others did not", toml, moved, never);
    net_close(whole);
    net_close(rows);
}

/* sgd, rate 0.1: p - 0.1 scale (g + the penalty's 2 factor p); the norm is that of g with the penalty's. */
static void test_sums(int clipped)
{
    net *n = net_open(2, "sgd");
    double added, norm, squares = 0, expected = 0, far = 0, scale = 1;
    float *g = memory_new(sizeof *g * (size_t)n->g.floats), *before = memory_new(sizeof *g * (size_t)n->g.floats);
    static const char *pattern[] = { "encoder", "output.*" };
    n->penalties[0] = (penalty){ test_part_of(&n->h, TN_REGULARIZER, "{ type = 'l2', factor = 0.01 }"), NULL, 0 };
    n->penalties[1] = (penalty){ test_part_of(&n->h, TN_REGULARIZER, "{ type = 'l2', factor = 0.02 }"), pattern, 2 };
    n->e.n_regularizers = 2, n->e.clip_norm = clipped ? 3 : 1e6, n->e.clip_value = clipped ? 0.001 : 0;
    give_gradients(n, 1);
    memcpy(g, n->g.gradient, sizeof *g * (size_t)n->g.floats);
    memcpy(before, n->g.value, sizeof *g * (size_t)n->g.floats);
    static const double factor[PARAMETERS] = { 0.01, 0.03, 0.02, 0.03 }; /* a bias has none but by pattern */
    for (int i = 0; i < PARAMETERS; i++)
        for (int64_t k = n->w[i].offset; k < n->w[i].offset + n->w[i].rows * n->w[i].width; k++) {
            g[k] = (float)((double)g[k] + 2 * factor[i] * (double)before[k]);
            squares += (double)g[k] * (double)g[k], expected += factor[i] * (double)before[k] * (double)before[k];
        }
    steps(n, 1, &added, &norm);
    if (clipped) scale = 3 / sqrt(squares);
    for (int64_t k = 0; k < n->g.floats; k++) {
        double step = scale * (double)g[k];
        if (clipped) step = fmax(-0.001, fmin(0.001, step));
        far = fmax(far, fabs((double)n->g.value[k] - ((double)before[k] - 0.1 * step)));
    }
    expect(fabs(norm - sqrt(squares)) <= 1e-6 * norm, "the norm is %.9g, expected %.9g", norm, sqrt(squares));
    expect(fabs(added - expected) <= 1e-9 * expected, "the penalty is %.12g, expected %.12g", added, expected);
    expect(far < 2e-7, "%s: a parameter is %g from what it should be", clipped ? "clipped" : "not clipped", far);
    memory_free(g);
    memory_free(before);
    net_close(n);
}

static void test_groups(void)
{
    net *n = net_open(2, "sgd");
    static const char *frozen[] = { "encoder" };
    double added, norm;
    n->e.n_groups = 2, n->group[1] = n->group[0];
    n->group[0] = (group){ .pattern = frozen, .n_patterns = 1, .optimizer = n->group[1].optimizer, .frozen = 1 };
    n->group[1].decay = 0.5;
    int rc = optimizer_open(&n->o, &n->e);
    tn_progress p = { .size = sizeof p, .step = 1 };
    give_gradients(n, 1);
    rc = rc ? rc : optimizer_step(&n->o, &p, &added, &norm);
    expect(!rc, "a step with a frozen group fails: %s", n->e.host.error);
    double far = 0;
    for (int i = 1; i < PARAMETERS; i++)
        for (int64_t k = 0; k < n->w[i].rows * n->w[i].width; k++) {
            double was = (double)uniform_at(k + 100 * i), g = (double)uniform_at(k + 31 + i);
            double expected = i == 3 ? was - 0.1 * (g + 0.5 * was) : was;
            far = fmax(far, fabs((double)n->g.value[n->w[i].offset + k] - expected));
        }
    expect(far < 2e-7, "frozen parameters moved, or decay is missing: %g", far);
    net_close(n);
}

/* Bounds hold on every row after a step, whatever the pieces; rows below them are as without, as are other parameters. */
static void test_bounds(void)
{
    static const char *pattern[] = { "embedding", "output" };
    net *free = net_open(1, "adam"), *bound = net_open(2, "adam");
    double added, norm, worst = 0;
    int kept = 0, scaled = 0, other = 0;
    bound->penalties[0] = (penalty){ test_part_of(&bound->h, TN_REGULARIZER, "{ type = 'max_norm', limit = 2.6 }"), pattern, 1 };
    bound->penalties[1] = (penalty){ test_part_of(&bound->h, TN_REGULARIZER, "unit_norm"), pattern + 1, 1 };
    bound->e.n_regularizers = 2;
    steps(free, 1, &added, &norm);
    steps(bound, 1, &added, &norm);
    for (int r = 0; r < ROWS; r++) {
        const float *a = free->g.value + r * WIDTH, *b = bound->g.value + r * WIDTH;
        double was = 0, is = 0, far = 0;
        for (int j = 0; j < WIDTH; j++) was += (double)a[j] * (double)a[j], is += (double)b[j] * (double)b[j];
        was = sqrt(was), is = sqrt(is);
        worst = fmax(worst, is);
        if (was <= 2.6) kept += !memcmp(a, b, sizeof *a * WIDTH);
        else {
            for (int j = 0; j < WIDTH; j++) far = fmax(far, fabs((double)b[j] - (double)a[j] * 2.6 / was));
            scaled += far < 1e-6;
        }
    }
    expect(worst <= 2.6 * (1 + 1e-6) && kept + scaled == ROWS && kept > 100 && scaled > 100,
           "max_norm: the longest row has %g; %d rows are kept and %d scaled of %d", worst, kept, scaled, (int)ROWS);
    for (int64_t k = bound->w[1].offset; k < bound->w[3].offset; k++) other += free->g.value[k] != bound->g.value[k];
    for (int64_t k = 0; k < LAST; k++)
        other += fabsf(fabsf(bound->g.value[bound->w[3].offset + k]) - 1) > 1e-6f;
    expect(!other, "%d weights without a bound differ, or of rows of one do not have length 1", other);
    net_close(free);
    net_close(bound);
}

static void test_threads(void)
{
    float *kept = NULL;
    for (int threads = 1; threads <= 3; threads++) {
        net *n = net_open(threads, "adam");
        double added, norm;
        n->penalties[0] = (penalty){ test_part_of(&n->h, TN_REGULARIZER, "l2"), NULL, 0 };
        n->e.n_regularizers = 1, n->e.clip_norm = 1;
        steps(n, 2, &added, &norm);
        size_t bytes = sizeof(float) * (size_t)n->g.floats;
        if (kept) expect(!memcmp(kept, n->g.value, bytes), "%d threads give other bits than one", threads);
        else memcpy(kept = memory_new(bytes), n->g.value, bytes);
        net_close(n);
    }
    memory_free(kept);
}

int main(int count, char **argument)
{
    if (count != 2) return 2;
    plugins = argument[1];
    test_rows_in_use("sgd", 1);
    test_rows_in_use("{ type = 'sgd', momentum = 0.9 }", 1);
    test_rows_in_use("adam", 1);
    test_rows_in_use("{ type = 'adam', lazy = true }", 0);
    test_sums(0);
    test_sums(1);
    test_groups();
    test_bounds();
    test_threads();
    return expect_end("optimize");
}
