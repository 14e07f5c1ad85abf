/* shapes_test.c -- layers that change shapes, normalise or attend, where PyTorch has no counterpart or hides it: how many windows
 * there are, where sequences are shorter than them, running moments, threads in training, messages about shapes.
 *
 *     shapes_test PLUGINS */
#include "test_host.h"

static test_host h;

static float number(int64_t i, int64_t salt) { return (float)(((i + 1000 * salt) * 7919 + 13) % 2003) / 1001.5f - 1; }
static void fill(float *p, int64_t n, int64_t salt)
{
    for (int64_t i = 0; i < n; i++) p[i] = number(i, salt);
}
static tn_spec reals(int32_t layout, int64_t width) { return (tn_spec){ .dtype = TN_F32, .layout = layout, .width = width }; }
static tn_spec ids(int32_t layout)
{
    return (tn_spec){ .dtype = TN_I32, .means = TN_IDS, .layout = layout, .width = 1, .classes = 5, .vocabulary = 1 };
}

/* ---- windows --------------------------------------------------------------------------------------- */
/* Windows counted one by one: those that begin at a multiple of the stride from the first that `edges` allows. */
static int32_t count_windows(const char *edges, int steps, int span, int stride)
{
    int32_t n = 0;
    int valid = !strcmp(edges, "valid"), full = !strcmp(edges, "full");
    for (int begin = full ? 1 - span : 0; begin < steps; begin += stride)
        if (!valid || begin + span <= steps) n++;
    return steps ? n : 0;
}

static void test_counts(const char *part, const char *edges)
{
    int32_t length[41], order[41];
    char toml[160];
    for (int32_t t = 0; t < 41; t++) length[t] = (t * 17) % 41;
    for (int size = 1; size <= 5; size++)
        for (int stride = 1; stride <= 4; stride++)
            for (int dilation = 1; dilation <= (part[0] == 'c' ? 3 : 1); dilation++) {
                tn_spec in = reals(TEXT, 2);
                snprintf(toml, sizeof toml, "{ type = '%s', %swindow = %d, stride = %d, edges = '%s' }", part,
                         part[0] == 'c' ? dilation == 1 ? "filters = 2, dilation = 1, " : dilation == 2 ? "filters = 2, dilation = 2, "
                         : "filters = 2, dilation = 3, " : "", size, stride, edges);
                test_layouts(&h, 41, length);
                test_part *p = test_plan(&h, TN_LAYER, toml, 1, &in);
                expect(p != NULL, "%s: cannot be planned: %s", toml, h.host.error);
                if (!p) return;
                const tn_layout *y = &h.layout[p->slot[T_OUT][0].spec.layout];
                for (int32_t t = 0; t < 41; t++) {
                    int32_t want = count_windows(edges, length[t], (size - 1) * dilation + 1, stride);
                    expect(y->length[y->place[t]] == want, "%s: %d steps give %d windows, expected %d", toml, length[t],
                           y->length[y->place[t]], want);
                    order[t] = y->order[t] == h.layout[TEXT].order[t];
                    expect(order[t], "%s: sequence %d is another one than among the steps", toml, t);
                }
                part_close(p->part);
                memory_free(p);
            }
}

/* All sequences shorter than the window: no rows, and phases that take it. */
static void test_short(const char *toml, int32_t rows)
{
    static const int32_t length[] = { 2, 0, 3, 1 };
    tn_spec in = reals(TEXT, 3);
    test_layouts(&h, 4, length);
    test_part *p = test_plan(&h, TN_LAYER, toml, 1, &in);
    test_allocate(p);
    expect(p->slot[T_OUT][0].value.rows == rows, "%s: %lld rows, expected %d", toml, (long long)p->slot[T_OUT][0].value.rows, rows);
    expect(!test_forward(p, TN_C_TRAINING, (tn_rng){ 1, 1 }) && !test_backward(p), "%s: fails where no window fits: %s", toml,
           h.host.error);
    const float *dx = p->slot[T_IN][0].grad.data;
    for (int i = 0; i < 18; i++) expect(dx[i] == 0, "%s: steps that no window saw have the gradient %g", toml, (double)dx[i]);
    test_free(p);
}

/* ---- batch_norm ------------------------------------------------------------------------------------ */
enum { ROWS = 37, WIDTH = 19 };
static int put(void *to, const void *p, size_t n)
{
    char **at = to;
    memcpy(*at, p, n);
    *at += n;
    return 0;
}
static int get(void *from, void *p, size_t n)
{
    char **at = from;
    memcpy(p, *at, n);
    *at += n;
    return 0;
}

static test_part *plan_norm(const char *toml, int32_t rows)
{
    tn_spec in = reals(TN_ROOT, WIDTH);
    test_layouts(&h, rows, NULL);
    test_part *p = test_plan(&h, TN_LAYER, toml, 1, &in);
    test_allocate(p);
    fill(p->slot[T_PARAM][0].value.data, WIDTH, 3);
    fill(p->slot[T_PARAM][1].value.data, WIDTH, 4);
    return p;
}

/* Three batches by the definition, and evaluation with what ran along; the same after save and load. */
static void test_running(void)
{
    static const char toml[] = "{ type = 'batch_norm', momentum = 0.25, epsilon = 0.001 }";
    test_part *p = plan_norm(toml, ROWS);
    double mean[WIDTH] = { 0 }, variance[WIDTH], far = 0;
    float *x = p->slot[T_IN][0].value.data, *y = p->slot[T_OUT][0].value.data;
    for (int j = 0; j < WIDTH; j++) variance[j] = 1;
    for (int step = 0; step < 3; step++) {
        fill(x, ROWS * WIDTH, 10 + step);
        test_forward(p, TN_C_TRAINING, (tn_rng){ 0, 0 });
        for (int j = 0; j < WIDTH; j++) {
            double m = 0, v = 0;
            for (int r = 0; r < ROWS; r++) m += (double)x[r * WIDTH + j] / ROWS;
            for (int r = 0; r < ROWS; r++) v += pow((double)x[r * WIDTH + j] - m, 2) / (ROWS - 1);
            mean[j] = 0.75 * mean[j] + 0.25 * m, variance[j] = 0.75 * variance[j] + 0.25 * v;
        }
    }
    test_forward(p, 0, (tn_rng){ 0, 0 });
    for (int i = 0; i < ROWS * WIDTH; i++) {
        int j = i % WIDTH;
        double want = ((double)x[i] - mean[j]) / sqrt(variance[j] + 0.001) * (double)number(j, 3) + (double)number(j, 4);
        far = fmax(far, fabs((double)y[i] - want));
    }
    expect(far < 1e-5, "batch_norm: evaluation differs by %g from running means and variances", far);

    char saved[16 + 16 * WIDTH], *at = saved;
    p->part->desc->save(p->part->self, put, &at);
    test_part *q = plan_norm(toml, ROWS);
    memcpy(q->slot[T_IN][0].value.data, x, sizeof(float) * ROWS * WIDTH);
    at = saved;
    expect(!q->part->desc->load(q->part->self, get, &at), "batch_norm: load fails");
    test_forward(q, 0, (tn_rng){ 0, 0 });
    expect(!memcmp(q->slot[T_OUT][0].value.data, y, sizeof(float) * ROWS * WIDTH), "batch_norm: evaluates otherwise after load");
    test_free(p);
    test_free(q);
}

/* One row in a training step: its variance says nothing, so what runs along stays. */
static void test_one_row(void)
{
    test_part *p = plan_norm("{ type = 'batch_norm', epsilon = 0.5 }", 1);
    float *x = p->slot[T_IN][0].value.data, *y = p->slot[T_OUT][0].value.data;
    fill(x, WIDTH, 20);
    test_forward(p, TN_C_TRAINING, (tn_rng){ 0, 0 });
    for (int j = 0; j < WIDTH; j++) expect(y[j] == number(j, 4), "batch_norm: a row alone gives %g, not the bias", (double)y[j]);
    test_forward(p, 0, (tn_rng){ 0, 0 });
    for (int j = 0; j < WIDTH; j++)
        expect(fabs((double)y[j] - (double)x[j] / sqrt(1.5) * (double)number(j, 3) - (double)number(j, 4)) < 1e-6,
               "batch_norm: a batch of one row moved the running moments of column %d", j);
    test_free(p);
}

/* ---- one_hot: the rows of an identity matrix, as an embedding with that table would give them -------------- */
static void test_one_hot(void)
{
    static const int32_t length[] = { 2, 3 }, id[] = { 4, 0, 2, 2, 1 };
    tn_spec in = ids(TEXT);
    test_layouts(&h, 2, length);
    test_part *p = test_plan(&h, TN_LAYER, "one_hot", 1, &in);
    expect(p && p->slot[T_OUT][0].spec.width == 5 && p->count[T_PARAM] == 0, "one_hot: not as wide as there are classes, or with parameters");
    if (!p) return;
    test_allocate(p);
    memcpy(p->slot[T_IN][0].value.data, id, sizeof id);
    expect(!test_forward(p, 0, (tn_rng){ 0, 0 }), "one_hot: %s", h.host.error);
    const float *y = p->slot[T_OUT][0].value.data;
    for (int r = 0; r < 5; r++)
        for (int j = 0; j < 5; j++) expect(y[5 * r + j] == (j == id[r]), "one_hot: row %d, column %d is %g for id %d", r, j, (double)y[5 * r + j], id[r]);
    test_free(p);
}

/* ---- threads, in training: everything that comes out has the same bits -------------------------------- */
static uint64_t bits_of(test_host *on, const char *toml, int n_in, const tn_spec *in)
{
    static const int32_t length[] = { 20, 3, 0, 31, 8, 31, 1, 17, 25, 9 };
    uint64_t bits = 1469598103934665603u;
    test_layouts(on, 10, length);
    test_layout(on, TARGET, TN_ROOT, length + 0, 0);
    test_part *p = test_plan(on, TN_LAYER, toml, n_in, in);
    expect(p != NULL, "%s: cannot be planned: %s", toml, on->host.error);
    if (!p) return 0;
    test_allocate(p);
    for (int g = 0; g < T_GROUPS; g++)
        for (int i = 0; i < p->count[g]; i++) {
            test_slot *s = &p->slot[g][i];
            int64_t n = s->value.rows * s->value.width;
            if (g == T_IN || g == T_PARAM) fill(s->value.data, n, 10 * g + i + 1);
            if (g == T_OUT) fill(s->grad.data, n, 31 + i);
        }
    expect(!test_forward(p, TN_C_TRAINING, (tn_rng){ 7, 3 }) && !test_backward(p), "%s: a phase fails", toml);
    for (int g = 0; g <= T_PARAM; g++)
        for (int i = 0; i < p->count[g]; i++) {
            const test_slot *s = &p->slot[g][i];
            const unsigned char *b = g == T_OUT ? s->value.data : s->grad.data;
            for (int64_t k = 0; k < 4 * s->value.rows * s->value.width; k++) bits = (bits ^ b[k]) * 1099511628211u;
        }
    test_free(p);
    return bits;
}

static void test_threads(const char *plugins, const char *toml, int n_in, tn_spec a, tn_spec b)
{
    tn_spec in[2] = { a, b };
    uint64_t first = bits_of(&h, toml, n_in, in);
    for (int threads = 1; threads <= 5; threads += 2) {
        test_host other;
        if (test_open(&other, plugins, registry_isa(), threads)) continue;
        expect(bits_of(&other, toml, n_in, in) == first, "%s: other bits on %d threads than on 2", toml, threads);
        test_close(&other);
    }
}

/* ---- messages -------------------------------------------------------------------------------------- */
static void test_message(const char *toml, int n, tn_spec a, tn_spec b, const char *expected)
{
    tn_spec in[2] = { a, b };
    test_layouts(&h, 2, NULL);
    test_part *p = test_plan(&h, TN_LAYER, toml, n, in);
    expect(!p, "%s: planned what it should refuse", toml);
    expect_text(toml, h.host.error, expected);
    if (p) part_close(p->part);
    memory_free(p);
}

static void test_messages(void)
{
    tn_spec none = { 0 };
    test_message("concat", 2, reals(TN_ROOT, 3), reals(TEXT, 3),
                 "concat: inputs 1 and 2 have different rows (examples, or steps of different sequences); `repeat` brings one row an "
                 "example to each step, pooling steps to one row");
    test_message("one_hot", 1, reals(TEXT, 3), none, "one_hot: the input is numbers, not ids (words or classes)");
    test_message("add", 2, reals(TEXT, 3), reals(TEXT, 4), "add: input 1 is 3 wide, input 2 is 4; widths must be equal, or 1");
    test_message("multiply", 2, reals(TEXT, 3), ids(TEXT),
                 "multiply: input 2 is ids (words or classes), not numbers; embed them first");
    test_message("{ type = 'conv1d', filters = 2, window = 3 }", 1, reals(TN_ROOT, 3), none,
                 "conv1d: the input has one row an example, there are no steps to look along");
    test_message("max_pool1d", 1, ids(TEXT), none, "max_pool1d: the input is ids (words or classes), not numbers; embed them first");
    test_message("repeat", 1, reals(TN_ROOT, 3), none,
                 "repeat: give `times`, a number, or `over`, a field or layer whose steps each get the row");
    test_message("repeat", 2, reals(TEXT, 3), reals(TARGET, 3),
                 "repeat: the steps of `over` do not lie within the rows of the input, so a step has no row of its own");
    test_message("{ type = 'repeat', times = 2 }", 2, reals(TN_ROOT, 3), reals(TEXT, 3), "repeat: give either `times` or `over`, not both");
    test_message("reverse", 1, reals(TN_ROOT, 3), none, "reverse: the input has one row an example, there are no steps to turn round");
    test_message("{ type = 'slice', from = 3, width = 4 }", 1, reals(TEXT, 5), none,
                 "slice: columns 3 to 6 are wanted, but the input has 5 (0 to 4)");
    test_message("{ type = 'self_attention', heads = 3 }", 1, reals(TEXT, 8), none,
                 "self_attention: 8 units cannot be shared by 3 heads equally");
    test_message("positions", 1, reals(TN_ROOT, 8), none, "positions: the input has one row an example, its rows have no positions");
    test_message("{ type = 'attention', score = 'dot' }", 2, reals(TARGET, 8), reals(TEXT, 9),
                 "attention: the input is 8 wide, `keys` 9; score = \"dot\" wants equal widths, the others do not");
    test_message("attention", 2, reals(TARGET, 8), reals(TN_ROOT, 8),
                 "attention: `keys` has one row an example, there are no steps to look at");
    test_message("attention", 2, reals(TN_ROOT, 8), reals(CHARS, 8),
                 "attention: a row of the input has no sequence of its own in `keys`: the steps of `keys` must lie within the examples, "
                 "or the steps, that the input's rows belong to");
    test_message("attention_pool", 1, reals(TN_ROOT, 8), none,
                 "attention_pool: the input has one row an example already, there are no steps to pool");
}

int main(int argc, char **argv)
{
    if (argc < 2 || test_open(&h, argv[1], registry_isa(), 2)) return 2;
    static const char *const edges[] = { "valid", "same", "causal", "full" };
    for (int i = 0; i < 4; i++) test_counts("conv1d", edges[i]);
    for (int i = 0; i < 2; i++) test_counts("max_pool1d", edges[i]);
    test_short("{ type = 'conv1d', filters = 2, window = 4 }", 0);
    test_short("{ type = 'max_pool1d', window = 4 }", 0);
    test_running();
    test_one_row();
    test_one_hot();
    tn_spec none = { 0 };
    test_threads(argv[1], "batch_norm", 1, reals(TEXT, 70), none);
    test_threads(argv[1], "layer_norm", 1, reals(TEXT, 70), none);
    test_threads(argv[1], "highway", 1, reals(TEXT, 70), none);
    test_threads(argv[1], "{ type = 'conv1d', filters = 21, window = 4, edges = 'same', activation = 'tanh' }", 1, reals(TEXT, 70), none);
    test_threads(argv[1], "{ type = 'max_pool1d', window = 3, stride = 1 }", 1, reals(TEXT, 70), none);
    test_threads(argv[1], "{ type = 'repeat', times = 9 }", 1, reals(TN_ROOT, 70), none);
    test_threads(argv[1], "multiply", 2, reals(TEXT, 70), reals(TEXT, 1));
    test_threads(argv[1], "{ type = 'self_attention', heads = 5, dropout = 0.3 }", 1, reals(TEXT, 70), none);
    test_threads(argv[1], "attention_pool", 1, reals(TEXT, 70), none);
    test_threads(argv[1], "positions", 1, reals(TEXT, 70), none);
    test_threads(argv[1], "{ type = 'attention', score = 'general' }", 2, reals(TARGET, 40), reals(TEXT, 70));
    test_threads(argv[1], "{ type = 'attention', units = 33 }", 2, reals(TARGET, 40), reals(TEXT, 70));
    test_messages();
    test_close(&h);
    return expect_end("shapes");
}
