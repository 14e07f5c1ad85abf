/* parts_test.c -- small parts against values worked out by hand or by brute force: pooling, dropout, pretrained vectors,
 * schedules, early stopping, initializers, messages about shapes.
 *
 *     parts_test PLUGINS FOLDER      FOLDER: where files may be written */
#include "../include/tenon/random.h"
#include "test_host.h"

static test_host h;
static const char *folder;

static float uniform_at(int64_t i) { return (float)((i * 7919 + 13) % 2003) / 1001.5f - 1; }
static void fill(float *p, int64_t n, int64_t salt)
{
    for (int64_t i = 0; i < n; i++) p[i] = uniform_at(i + 1000 * salt);
}

static tn_spec reals(int32_t layout, int64_t width) { return (tn_spec){ .dtype = TN_F32, .layout = layout, .width = width }; }
static tn_spec ids(int32_t layout, int64_t classes)
{
    return (tn_spec){ .dtype = TN_I32, .means = TN_IDS, .layout = layout, .width = 1, .classes = classes, .vocabulary = 1 };
}

/* ---- pooling --------------------------------------------------------------------------------------- */
/* What pooling gives for column j of example b, and the share of step t in it. */
static double pool(const char *how, const float *x, int64_t w, int32_t b, int64_t j, int32_t t, double *share)
{
    const tn_layout *l = &h.layout[TEXT];
    int32_t s = l->place[b], n = l->length[s], best = 0;
    double sum = 0;
    for (int32_t k = 0; k < n; k++) {
        sum += (double)x[(l->first[k] + s) * w + j];
        if (x[(l->first[k] + s) * w + j] > x[(l->first[best] + s) * w + j]) best = k;
    }
    *share = 0;
    if (!n) return 0;
    if (!strcmp(how, "sum")) return *share = 1, sum;
    int mean = !strcmp(how, "mean"), at = !strcmp(how, "last") ? n - 1 : best;
    *share = mean ? 1.0 / n : t == at;
    return mean ? sum / n : (double)x[(l->first[at] + s) * w + j];
}

static void test_pool(const char *how)
{
    static const int32_t length[] = { 2, 0, 5, 1, 5, 3 };
    char toml[40];
    double share, far = 0;
    tn_spec in = reals(TEXT, 5);
    test_layouts(&h, 6, length);
    snprintf(toml, sizeof toml, "{ type = '%s' }", how);
    test_part *p = test_plan(&h, TN_LAYER, toml, 1, &in);
    test_allocate(p);
    float *x = p->slot[T_IN][0].value.data, *dx = p->slot[T_IN][0].grad.data,
          *y = p->slot[T_OUT][0].value.data, *dy = p->slot[T_OUT][0].grad.data;
    fill(x, 16 * 5, 1);
    fill(dx, 16 * 5, 2); /* there may be gradients of others: it must add */
    fill(dy, 6 * 5, 3);
    expect(p->slot[T_OUT][0].spec.layout == TN_ROOT, "%s: the output is on layout %d", how,
           p->slot[T_OUT][0].spec.layout);
    test_forward(p, TN_C_TRAINING, (tn_rng){ 0, 0 });
    test_backward(p);
    for (int32_t b = 0; b < 6; b++)
        for (int64_t j = 0; j < 5; j++) {
            far = fmax(far, fabs((double)y[b * 5 + j] - pool(how, x, 5, b, j, 0, &share)));
            for (int32_t t = 0; t < length[b]; t++) {
                int64_t at = (h.layout[TEXT].first[t] + h.layout[TEXT].place[b]) * 5 + j;
                (void)pool(how, x, 5, b, j, t, &share);
                far = fmax(far, fabs((double)dx[at] - (double)uniform_at(at + 2000)
                                     - share * (double)dy[b * 5 + j]));
            }
        }
    expect(far < 1e-6, "%s: differs from brute force by %g", how, far);
    test_free(p);
}

/* ---- dropout --------------------------------------------------------------------------------------- */
static void test_dropout(void)
{
    enum { ROWS = 3000, WIDTH = 7 };
    tn_spec in = reals(TN_ROOT, WIDTH);
    test_layouts(&h, ROWS, NULL);
    test_part *p = test_plan(&h, TN_LAYER, "{ type = 'dropout', rate = 0.3 }", 1, &in);
    test_allocate(p);
    float *x = p->slot[T_IN][0].value.data, *dx = p->slot[T_IN][0].grad.data,
          *y = p->slot[T_OUT][0].value.data, *dy = p->slot[T_OUT][0].grad.data;
    int64_t n = ROWS * WIDTH, zeros = 0, wrong = 0, same = 0;
    for (int64_t i = 0; i < n; i++) x[i] = 1, dy[i] = 2;
    test_forward(p, TN_C_TRAINING, (tn_rng){ 5, 9 });
    test_backward(p);
    float *first = memory_new(4 * (size_t)n);
    memcpy(first, y, 4 * (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        zeros += y[i] == 0;
        wrong += (y[i] == 0) != (tn_random_u32((tn_rng){ 5, 9 }, (uint64_t)i) < (uint32_t)(0.3 * 4294967296.0));
        wrong += (y[i] != 0 && fabsf(y[i] - 1 / 0.7f) > 1e-6f) || fabsf(dx[i] - 2 * y[i]) > 1e-6f;
    }
    expect(fabs((double)zeros / (double)n - 0.3) < 0.012, "dropout: %lld of %lld zeroed at rate 0.3",
           (long long)zeros, (long long)n);
    expect(!wrong, "dropout: %lld numbers with another factor forwards or backwards", (long long)wrong);
    test_forward(p, TN_C_TRAINING, (tn_rng){ 5, 10 });
    for (int64_t i = 0; i < n; i++) same += (first[i] == 0) == (y[i] == 0);
    expect(same < n * 65 / 100, "dropout: the masks of two steps agree in %lld of %lld", (long long)same,
           (long long)n);
    test_forward(p, 0, (tn_rng){ 5, 9 });
    expect(!memcmp(x, y, 4 * (size_t)n), "dropout: changes numbers outside of training");
    memory_free(first);
    test_free(p);
}

/* Known answers of Philox4x32-10, from the tests of the Random123 library by its authors. */
static void test_random(void)
{
    static const struct { uint32_t counter[4], key[2], word[4]; } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { ~0u, ~0u, ~0u, ~0u }, { ~0u, ~0u }, { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } } };
    for (int i = 0; i < 3; i++) {
        const uint32_t *c = known[i].counter, *k = known[i].key;
        tn_rng rng = { (uint64_t)k[1] << 32 | k[0], (uint64_t)c[3] << 32 | c[2] };
        uint32_t one[4], many[4 * 70];
        uint64_t block = (uint64_t)c[1] << 32 | c[0];
        tn_random4(rng, block, one);
        tn_random_words(rng, block, 70, many);
        expect(!memcmp(one, known[i].word, 16), "random: known answer %d is %08x %08x %08x %08x", i + 1,
               one[0], one[1], one[2], one[3]);
        for (uint64_t b = 0; b < 70; b++) {
            tn_random4(rng, block + b, one);
            expect(!memcmp(one, many + 4 * b, 16), "random: block %d of many differs from the block alone", (int)b);
        }
    }
}

/* ---- embedding ------------------------------------------------------------------------------------- */
static const char *const words[] = { "<unknown>", "the", "cat", "New York", "sat" };
static const char *const *words_of(void *to, int32_t vocabulary, int64_t *n)
{
    (void)to, (void)vocabulary;
    *n = 5;
    return words;
}

static const char *write_file(const char *name, const char *text)
{
    char *path = arena_print(&h.memory, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (f) {
        fputs(text, f);
        fclose(f);
    }
    return path;
}

static void test_pretrained(const char *file, const char *error)
{
    tn_spec in = ids(TN_ROOT, 5);
    float p[15];
    char toml[4200];
    for (int i = 0; i < 15; i++) p[i] = NAN;
    h.host.words = words_of;
    snprintf(toml, sizeof toml, "{ type = 'embedding', width = 3, frozen = true, pretrained = '%s' }", file);
    test_layouts(&h, 2, NULL);
    test_part *e = test_plan(&h, TN_LAYER, toml, 1, &in);
    if (!e) {
        expect(0, "embedding: %s cannot be planned", file);
        return;
    }
    host_clear(&h.host);
    int rc = e->layer->initialize(e->part->self, &h.api, &h.host, 0, (tn_rng){ 3, 0 }, p);
    if (error) {
        char whole[4400];
        snprintf(whole, sizeof whole, "%s%s", file, error);
        expect(rc < 0, "embedding: takes %s", file);
        expect_text("embedding: message", h.host.error, whole);
    } else {
        expect(rc == 1, "embedding: initialize gave %d: %s", rc, h.host.error);
        static const float vectors[] = { 0.5f, -1, 2, 9, 8, 7 };
        expect(!memcmp(p + 3, vectors, 12) && !memcmp(p + 9, vectors + 3, 12),
               "embedding: 'the' or 'New York' has another vector than the file");
        for (int i = 0; i < 15; i++)
            if (i / 3 != 1 && i / 3 != 3)
                expect(fabsf(p[i]) <= 0.05f, "embedding: number %d of a word that the file lacks is %g", i,
                       (double)p[i]);
        expect(e->slot[T_PARAM][0].param.flags & TN_P_FROZEN, "embedding: not frozen");
    }
    part_close(e->part);
    memory_free(e);
}

/* Output and gradient once a distinct id, against rows. */
static void test_distinct(void)
{
    static const int32_t id[] = { 4, 1, 4, 0, 1, 4 };
    tn_spec in = ids(TN_ROOT, 5);
    test_layouts(&h, 6, NULL);
    test_part *p = test_plan(&h, TN_LAYER, "{ type = 'embedding', width = 3 }", 1, &in);
    test_allocate(p);
    float *w = p->slot[T_PARAM][0].value.data, *y = p->slot[T_OUT][0].value.data,
          *dy = p->slot[T_OUT][0].grad.data, *dw = p->slot[T_PARAM][0].grad.data;
    fill(w, 15, 4);
    memcpy(p->slot[T_IN][0].value.data, id, sizeof id);
    test_index(p, 0);
    expect(p->slot[T_OUT][0].spec.index_of == 1 && p->slot[T_PARAM][0].param.touched_by == 1,
           "embedding: does not offer distinct rows");
    p->slot[T_OUT][0].value.index = p->slot[T_OUT][0].grad.index = p->slot[T_IN][0].value.index;
    fill(dy, 9, 5);
    test_forward(p, 0, (tn_rng){ 0, 0 });
    test_backward(p);
    expect(!memcmp(y, w, 12) && !memcmp(y + 3, w + 3, 12) && !memcmp(y + 6, w + 12, 12),
           "embedding: distinct rows are not those of ids 0, 1, 4");
    expect(!memcmp(dw, dy, 12) && !memcmp(dw + 3, dy + 3, 12) && !memcmp(dw + 12, dy + 6, 12) && dw[6] == 0,
           "embedding: gradient by distinct id");
    test_free(p);
}

/* ---- schedules and stops --------------------------------------------------------------------------- */
static void test_rate(const char *toml, int64_t step, int64_t epoch, double expected)
{
    tn_part *p = test_part_of(&h, TN_SCHEDULE, toml);
    tn_progress at = { .size = sizeof at, .step = step, .steps = 100, .epoch = epoch, .epochs = 10,
                       .epoch_steps = 10 };
    double found = p ? ((const tn_schedule *)p->desc->table)->rate(p->self, &at, 2.0) : NAN;
    expect(fabs(found - expected) < 1e-12, "%s: rate at step %lld of epoch %lld is %.15g, expected %.15g",
           toml, (long long)step, (long long)epoch, found, expected);
    if (p) part_close(p);
}

static void test_schedules(void)
{
    test_rate("constant", 77, 8, 2);
    static const double zaremba[] = { 2, 2, 2, 2, 1, 0.5, 0.25, 0.125 };
    for (int e = 1; e <= 8; e++)
        test_rate("{ type = 'exponential', factor = 0.5, start = 4, per = 'epoch' }", 10 * e, e,
                  zaremba[e - 1]);
    test_rate("{ type = 'exponential', factor = 0.25, every = 2, per = 'step' }", 2, 1, 1);
    test_rate("{ type = 'exponential', factor = 0.5, minimum = 0.4 }", 90, 9, 0.4);
    static const double steps[] = { 2, 2, 2, 1, 1, 1, 0.5 };
    for (int e = 1; e <= 7; e++)
        test_rate("{ type = 'step', factor = 0.5, every = 3 }", 10 * e, e, steps[e - 1]);
    test_rate("{ type = 'step', factor = 0.1, every = 10, per = 'step', start = 5 }", 14, 2, 2);
    test_rate("{ type = 'step', factor = 0.1, every = 10, per = 'step', start = 5 }", 15, 2, 0.2);
    test_rate("cosine", 1, 1, 2);
    test_rate("cosine", 100, 10, 0);
    test_rate("{ type = 'cosine', minimum = 1, start = 10, length = 60 }", 40, 4, 1.5);
    test_rate("{ type = 'cosine', minimum = 1, start = 10, length = 60 }", 90, 9, 1);
    test_rate("{ type = 'cosine', per = 'epoch' }", 40, 4, 1 + cos(acos(-1.0) / 3));
}

static void test_stop(const char *toml, int higher, int n, const double *value, int expected)
{
    tn_part *p = test_part_of(&h, TN_STOP, toml);
    const tn_stop *s = p->desc->table;
    int at = 0;
    for (int k = 1; k <= n && !at; k++) {
        const char *why = NULL;
        tn_progress now = { .size = sizeof now, .higher_is_better = (uint32_t)higher, .value = value,
                            .values = k };
        if (s->decide(p->self, &now, &why)) at = k;
        expect(!at || (why && *why), "early_stopping: no reason given");
    }
    expect(at == expected, "%s: stops after %d values, expected %d", toml, at, expected);
    part_close(p);
}

static void test_stops(void)
{
    static const double up[] = { 0.5, 0.6, 0.59, 0.6, 0.7, 0.69, 0.68, 0.7, 0.9 },
                        down[] = { 3, 2, 1.995, 1.99, 1, 1 };
    static const double broken[] = { 1, NAN, NAN, 2 };
    test_stop("{ type = 'early_stopping', patience = 3 }", 1, 9, up, 8);
    test_stop("{ type = 'early_stopping', patience = 2 }", 1, 9, up, 4);
    test_stop("{ type = 'early_stopping', patience = 4 }", 1, 9, up, 0);
    test_stop("{ type = 'early_stopping', patience = 2, min_delta = 0.1 }", 0, 6, down, 4);
    test_stop("{ type = 'early_stopping', patience = 2 }", 0, 6, down, 0);
    test_stop("{ type = 'early_stopping', patience = 2 }", 1, 4, broken, 3);
}

/* ---- initializers ---------------------------------------------------------------------------------- */
static float *first_values(const char *toml, int64_t rows, int64_t width)
{
    tn_part *p = test_part_of(&h, TN_INITIALIZER, toml);
    tn_param w = { .size = sizeof w, .ndim = 2, .blocks = 1, .dim = { rows, width, 1, 1 },
                   .fan_in = width, .fan_out = rows };
    float *v = arena_new(&h.memory, 4 * (size_t)(rows * width));
    int rc = ((const tn_initializer *)p->desc->table)->fill(p->self, &w, rows, width, (tn_rng){ 12, 0 }, v);
    expect(!rc, "%s: %s", toml, h.host.error);
    part_close(p);
    return v;
}

/* Mean and deviation of many numbers, and the bounds that they keep. */
static void test_spread(const char *toml, double mean, double deviation, double bound)
{
    enum { ROWS = 200, WIDTH = 100, N = ROWS * WIDTH };
    const float *v = first_values(toml, ROWS, WIDTH);
    double sum = 0, squares = 0, most = 0;
    for (int i = 0; i < N; i++) sum += (double)v[i], most = fmax(most, fabs((double)v[i] - mean));
    for (int i = 0; i < N; i++) squares += ((double)v[i] - sum / N) * ((double)v[i] - sum / N);
    expect(fabs(sum / N - mean) <= 4 * deviation / sqrt(N) + 1e-12, "%s: mean %g, expected %g", toml,
           sum / N, mean);
    expect(fabs(sqrt(squares / N) - deviation) <= 0.02 * deviation + 1e-9, "%s: deviation %g, expected %g",
           toml, sqrt(squares / N), deviation);
    expect(most <= bound, "%s: %g away from the mean, %g is the most", toml, most, bound);
}

/* max|Q Q^T - gain^2 I| over rows, or over columns where there are fewer. */
static void test_orthogonal(int64_t rows, int64_t width)
{
    const float *q = first_values("{ type = 'orthogonal', gain = 1.5 }", rows, width);
    int64_t few = rows < width ? rows : width, many = rows < width ? width : rows;
    double far = 0;
    for (int64_t a = 0; a < few; a++)
        for (int64_t b = 0; b <= a; b++) {
            double sum = 0;
            for (int64_t j = 0; j < many; j++)
                sum += rows <= width ? (double)q[a * width + j] * (double)q[b * width + j]
                                     : (double)q[j * width + a] * (double)q[j * width + b];
            far = fmax(far, fabs(sum - (a == b ? 2.25 : 0)));
        }
    expect(far < 2e-6, "orthogonal %lld x %lld: Q Q' is %g away from gain^2 I", (long long)rows,
           (long long)width, far);
}

static void test_initializers(void)
{
    test_spread("{ type = 'uniform', low = -0.2, high = 0.6 }", 0.2, 0.8 / sqrt(12), 0.4000001);
    test_spread("{ type = 'normal', mean = 1.0, deviation = 0.5 }", 1, 0.5, 3);
    test_spread("glorot_uniform", 0, sqrt(2.0 / 300), sqrt(6.0 / 300) * 1.000001);
    test_spread("{ type = 'glorot_normal', gain = 2.0 }", 0, 2 * sqrt(2.0 / 300), 1);
    test_spread("{ type = 'constant', value = 0.75 }", 0.75, 0, 0);
    test_orthogonal(20, 20);
    test_orthogonal(64, 16);
    test_orthogonal(5, 40);
    test_orthogonal(1, 1);
}

/* ---- messages -------------------------------------------------------------------------------------- */
static void test_message(uint32_t kind, const char *toml, int n, tn_spec a, tn_spec b, const char *expected)
{
    tn_spec in[2] = { a, b };
    test_layouts(&h, 2, NULL);
    test_part *p = test_plan(&h, kind, toml, n, in);
    expect(!p, "%s: planned what it should refuse", toml);
    expect_text(toml, h.host.error, expected);
    if (p) part_close(p->part);
    memory_free(p);
}

static void test_messages(void)
{
    tn_spec none = { 0 };
    test_message(TN_LOSS, "cross_entropy", 2, reals(TN_ROOT, 3), ids(TN_ROOT, 5),
                 "cross_entropy: the input has 3 values a row but the target has 5 classes");
    test_message(TN_LOSS, "cross_entropy", 2, reals(TN_ROOT, 1), ids(TN_ROOT, 2),
                 "cross_entropy: the input has 1 values a row but the target has 2 classes; "
                 "binary_cross_entropy takes one value a row");
    test_message(TN_LOSS, "cross_entropy", 2, reals(TN_ROOT, 3), reals(TN_ROOT, 3),
                 "cross_entropy: the target is numbers, not classes; mse compares numbers");
    test_message(TN_LOSS, "binary_cross_entropy", 2, reals(TN_ROOT, 2), ids(TN_ROOT, 2),
                 "binary_cross_entropy: the input has 2 values a row, it takes 1 for a target of two classes; cross_entropy takes "
                 "one for each class");
    test_message(TN_LOSS, "mse", 2, reals(TN_ROOT, 2), reals(TN_ROOT, 3),
                 "mse: the input has 2 values a row, the target 3");
    test_message(TN_LAYER, "embedding", 1, reals(TN_ROOT, 2), none,
                 "embedding: the input is numbers, not ids (words or classes)");
    test_message(TN_LAYER, "{ type = 'dense', units = 2 }", 1, ids(TN_ROOT, 2), none,
                 "dense: the input is ids (words or classes), not numbers; embed them first");
    test_message(TN_LAYER, "{ type = 'dense', units = 1, activation = 'softmax' }", 1, reals(TN_ROOT, 2), none,
                 "dense: a softmax over one number is 1 whatever the number is, so nothing could be learned. Two classes need 1 "
                 "unit with sigmoid (or none) and binary_cross_entropy, or 2 units with softmax (or none) and cross_entropy");
    test_message(TN_LAYER, "last", 1, reals(TN_ROOT, 2), none,
                 "last: the input has one row an example already, there are no steps to pool");
}

int main(int argc, char **argv)
{
    if (argc < 3 || test_open(&h, argv[1], registry_isa(), 2)) return 2;
    folder = argv[2];
    test_pool("last");
    test_pool("mean");
    test_pool("sum");
    test_pool("max");
    test_random();
    test_dropout();
    test_distinct();
    test_pretrained(write_file("good.txt", "the 0.5 -1 2.0\ndog 1 1 1\nNew York 9 8 7\r\n"), NULL);
    test_pretrained(write_file("heading.txt", "3 3\nthe 0.5 -1 2.0\nNew York 9 8 7\n"), NULL);
    test_pretrained(write_file("narrow.txt", "the 0.5 -1\n"),
                    ":1: the word has 2 numbers, but width = 3; a vector must be as wide as the embedding");
    test_pretrained(write_file("wide.txt", "the 0.5 -1 2 3\n"),
                    ":1: the word has 4 numbers, but width = 3; a vector must be as wide as the embedding");
    test_pretrained(write_file("short.txt", "the 0.5 -1 2\ncat 1 2\n"),
                    ":2: the word has 2 numbers, but width = 3; a vector must be as wide as the embedding");
    test_pretrained(write_file("letters.txt", "the 0.5 -1 2\ncat 1 x 2\n"), ":2: column 3 is no number");
    test_schedules();
    test_stops();
    test_initializers();
    test_messages();
    test_close(&h);
    return expect_end("parts");
}
