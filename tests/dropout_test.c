/* dropout_test.c -- dropout of sequences, of rows and of words, against masks that are drawn here number by number; words
 * that become unknown in training.
 *
 *     dropout_test PLUGINS FOLDER      FOLDER: where files may be written */
#include "../include/tenon/random.h"
#include "test_host.h"
#include "open_data.h"

static test_host h;
static const tn_rng rng = { 21, 8 };

static float uniform_at(int64_t i) { return (float)((i * 7919 + 13) % 2003) / 1001.5f - 1; }
static void fill(float *p, int64_t n, int64_t salt)
{
    for (int64_t i = 0; i < n; i++) p[i] = uniform_at(i + 1000 * salt);
}

static float factor(tn_rng of, uint64_t i, double rate)
{
    return (double)tn_random_u32(of, i) < floor(rate * 4294967296.0) ? 0 : (float)(1 / (1 - rate));
}

/* ---- dropout: sequences and rows --------------------------------------------------------------------------- */
typedef double mask_fn(const tn_layout *l, int32_t r, int64_t j, int64_t width, double rate);

static double mask_of_sequence(const tn_layout *l, int32_t r, int64_t j, int64_t width, double rate)
{
    int64_t draws = (width + 3) / 4 * 4; /* each row of the parent begins with four fresh words */
    return (double)factor(rng, (uint64_t)(l->up[r] * draws + j), rate);
}
static double mask_of_row(const tn_layout *l, int32_t r, int64_t j, int64_t width, double rate)
{
    (void)l, (void)j, (void)width;
    return (double)factor(rng, (uint64_t)r, rate);
}

/* Values, gradients (added to what is there) and the share of zeros; outside training nothing changes. */
static void test_masks(const char *per, double rate, int32_t layout, int64_t width, mask_fn *mask)
{
    char toml[90], what[120];
    snprintf(toml, sizeof toml, "{ type = 'dropout', rate = %g, per = '%s' }", rate, per);
    snprintf(what, sizeof what, "%s, layout %d, %d wide", toml, layout, (int)width);
    tn_spec in = { .dtype = TN_F32, .layout = layout, .width = width };
    test_part *p = test_plan(&h, TN_LAYER, toml, 1, &in);
    expect(p != NULL, "%s: cannot be planned: %s", what, h.host.error);
    if (!p) return;
    test_allocate(p);
    const tn_layout *l = &h.layout[layout];
    float *x = p->slot[T_IN][0].value.data, *dx = p->slot[T_IN][0].grad.data, *y = p->slot[T_OUT][0].value.data,
          *dy = p->slot[T_OUT][0].grad.data;
    int64_t n = l->rows * width, wrong = 0, zeros = 0;
    fill(x, n, 1), fill(dx, n, 2), fill(dy, n, 3);
    expect(!test_forward(p, TN_C_TRAINING, rng) && !test_backward(p), "%s: %s", what, h.host.error);
    for (int32_t r = 0; r < l->rows; r++)
        for (int64_t j = 0; j < width; j++) {
            int64_t i = r * width + j;
            double m = mask(l, r, j, width, rate), want = (double)uniform_at(i + 2000) + m * (double)dy[i];
            zeros += m == 0;
            wrong += !(fabs((double)y[i] - m * (double)x[i]) <= 1e-6) || !(fabs((double)dx[i] - want) <= 1e-6);
        }
    expect(!wrong, "%s: %lld of %lld numbers have another factor forwards or backwards", what, (long long)wrong, (long long)n);
    expect(zeros > 0 && zeros < n, "%s: %lld of %lld are zero", what, (long long)zeros, (long long)n);
    fill(dx, n, 2);
    test_forward(p, 0, rng);
    test_backward(p);
    wrong = 0;
    for (int64_t i = 0; i < n; i++) wrong += y[i] != x[i] || dx[i] != uniform_at(i + 2000) + dy[i];
    expect(!wrong, "%s: changes %lld numbers outside of training", what, (long long)wrong);
    test_free(p);
}

/* The share of zeros over many sequences, each with one draw a number. */
static void test_share(const char *per, double rate)
{
    enum { SEQUENCES = 3000, WIDTH = 9 };
    int32_t *length = arena_new(&h.memory, sizeof *length * SEQUENCES);
    char toml[90];
    tn_spec in = { .dtype = TN_F32, .layout = TEXT, .width = WIDTH };
    for (int i = 0; i < SEQUENCES; i++) length[i] = 1 + i % 3;
    test_layouts(&h, SEQUENCES, length);
    snprintf(toml, sizeof toml, "{ type = 'dropout', rate = %g, per = '%s' }", rate, per);
    test_part *p = test_plan(&h, TN_LAYER, toml, 1, &in);
    test_allocate(p);
    int64_t rows = h.layout[TEXT].rows, zeros = 0;
    float *x = p->slot[T_IN][0].value.data, *y = p->slot[T_OUT][0].value.data;
    for (int64_t i = 0; i < rows * WIDTH; i++) x[i] = 1;
    test_forward(p, TN_C_TRAINING, rng);
    for (int64_t i = 0; i < rows * WIDTH; i++) zeros += y[i] == 0;
    double share = (double)zeros / (double)(rows * WIDTH);
    expect(fabs(share - rate) < 0.025, "%s: %g of all numbers are zero", toml, share);
    test_free(p);
}

static void test_dropout(void)
{
    static const int32_t length[] = { 2, 0, 5, 1, 5, 3, 4 };
    static const int32_t chars[20] = { 3, 0, 1, 4, 2, 2, 0, 6, 1, 1, 2, 3, 0, 5, 1, 2, 4, 3, 1, 2 };
    static const int64_t width[] = { 1, 5, 16, 300 };
    static const double rate[] = { 0.5, 0.2 };
    test_layouts(&h, 7, length);
    test_layout(&h, CHARS, TEXT, chars, 0);
    for (int w = 0; w < 4; w++)
        for (int k = 0; k < 2; k++)
            for (int32_t layout = TEXT; layout <= CHARS; layout++) {
                if (w || !k) test_masks("sequence", rate[k], layout, width[w], mask_of_sequence);
                test_masks("row", rate[k], layout, width[w], mask_of_row);
            }
    test_share("sequence", 0.3);
    test_share("row", 0.3);
    tn_spec in = { .dtype = TN_F32, .layout = TN_ROOT, .width = 4 };
    expect(!test_plan(&h, TN_LAYER, "{ type = 'dropout', per = 'sequence' }", 1, &in),
           "dropout: takes sequences where there are none");
    expect_text("dropout of sequences on the root", h.host.error, "dropout: per = \"sequence\" is one mask for all steps of a "
                "sequence, but the input has one row an example; leave `per` out");
}

/* ---- embedding dropout --------------------------------------------------------------------------------------- */
enum { WORDS = 40, WIDTH = 6 };

/* Some ids through the layer: by rows, or once each. */
static void test_words(const char *options, double numbers, double words, int n, const int32_t *id, int by_id)
{
    char toml[160];
    tn_spec in = { .dtype = TN_I32, .means = TN_IDS, .layout = TN_ROOT, .width = 1, .classes = WORDS };
    test_layouts(&h, n, NULL);
    snprintf(toml, sizeof toml, "{ type = 'embedding', width = %d, %s }", WIDTH, options);
    test_part *p = test_plan(&h, TN_LAYER, toml, 1, &in);
    test_allocate(p);
    float *w = p->slot[T_PARAM][0].value.data, *y = p->slot[T_OUT][0].value.data, *dy = p->slot[T_OUT][0].grad.data,
          *dw = p->slot[T_PARAM][0].grad.data;
    fill(w, WORDS * WIDTH, 4), fill(dy, n * WIDTH, 5), fill(dw, WORDS * WIDTH, 6);
    memcpy(p->slot[T_IN][0].value.data, id, sizeof *id * (size_t)n);
    test_index(p, 0);
    const tn_index *x = p->slot[T_IN][0].value.index;
    uint32_t offered = p->slot[T_OUT][0].spec.index_of;
    expect(offered == (numbers > 0 ? 1u | TN_INDEX_ALONE : 1u), "%s: offers rows by index as %x", toml, offered);
    if (by_id) p->slot[T_OUT][0].value.index = p->slot[T_OUT][0].grad.index = x;
    expect(!test_forward(p, TN_C_TRAINING, rng) && !test_backward(p), "%s: %s", toml, h.host.error);
    double want[WORDS * WIDTH], far = 0;
    for (int i = 0; i < WORDS * WIDTH; i++) want[i] = (double)uniform_at(i + 6000);
    for (int r = 0; r < (by_id ? x->distinct : n); r++)
        for (int j = 0; j < WIDTH; j++) {
            int k = by_id ? x->key[r] : id[r];
            double m = (numbers > 0 ? (double)factor(rng, (uint64_t)(r * WIDTH + j), numbers) : 1)
                     * (words > 0 ? (double)factor(tn_random_fork(rng, 1), (uint64_t)k, words) : 1);
            far = fmax(far, fabs((double)y[r * WIDTH + j] - m * (double)w[k * WIDTH + j]));
            want[k * WIDTH + j] += m * (double)dy[r * WIDTH + j];
        }
    for (int i = 0; i < WORDS * WIDTH; i++) far = fmax(far, fabs((double)dw[i] - want[i]));
    expect(far < 2e-6, "%s, %s: differs by %g", toml, by_id ? "once a word" : "by rows", far);
    test_forward(p, 0, rng);
    for (int j = 0; j < WIDTH; j++)
        expect(y[j] == w[(by_id ? x->key[0] : id[0]) * WIDTH + j], "%s: changes numbers outside of training", toml);
    test_free(p);
}

static void test_embedding(void)
{
    static const int32_t id[] = { 4, 1, 4, 0, 1, 4, 39, 17, 17, 8, 9, 10, 11, 12, 5, 4 }, few[] = { 17, 4 };
    for (int by_id = 0; by_id < 2; by_id++) {
        test_words("embedding_dropout = 0.5", 0, 0.5, 16, id, by_id);
        test_words("embedding_dropout = 0.3", 0, 0.3, 2, few, by_id); /* who else is in the batch makes no difference */
    }
    test_words("embedding_dropout = 0.5, dropout = 0.25", 0.25, 0.5, 16, id, 0);
    test_words("dropout = 0.25", 0.25, 0, 16, id, 0);
    int gone = 0;
    for (uint64_t k = 0; k < 10000; k++) gone += factor(tn_random_fork(rng, 1), k, 0.3) == 0;
    expect(abs(gone - 3000) < 160, "embedding dropout: %d of 10000 words are dropped at rate 0.3", gone);
}

/* ---- words that become unknown ------------------------------------------------------------------------------- */
enum { LINES = 300, STEPS = 10 };

/* A batch of some lines: how many words differ from the text, and of those seen once; every one must be unknown then. */
static void read_batch(experiment *e, int training, uint64_t epoch, int from, int lines, int32_t *id)
{
    const field *f = data_field(e->data, "text");
    const store *s = &f->split[SPLIT_TRAIN];
    int64_t example[LINES];
    static batch b;
    int at = 0;
    while (e->data->field[at] != f) at++;
    for (int i = 0; i < lines; i++) example[i] = from + i;
    b.replaces = training, b.rng = (tn_rng){ 7, epoch };
    expect(!batch_build(e->graph, &b, SPLIT_TRAIN, example, lines), "%s", e->host.error);
    const tn_layout *l = &b.layout[f->layout];
    for (int32_t r = 0; r < l->rows; r++) {
        int64_t leaf = s->begin[from + l->root[r]] + l->step[r];
        int32_t got = ((int32_t *)b.field_data[at])[r];
        expect(got == s->id[leaf] || (training && got == 0), "word %lld became %d", (long long)leaf, got);
        id[leaf] = got;
    }
    scratch_free(&b.memory);
    memset(&b, 0, sizeof b);
}

static const char file[] = "[dataset]\ntype = 'lines'\ntrain = 'dropped.txt'\n[[field]]\nname = 'text'\ntransforms = ['words']\n"
                           "vocabulary = { %s }\n[[field]]\nname = 'label'\nkind = 'category'\n%s";
static const char net[] = "[[layer]]\ntype = 'embedding'\ninputs = 'text'\nwidth = 2\n[[layer]]\ntype = 'mean'\n"
                          "[[layer]]\ntype = 'dense'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\ntarget = 'label'\n"
                          "[optimizer]\ntype = 'sgd'\n";

static experiment *open_words(const char *rule)
{
    char middle[600];
    snprintf(middle, sizeof middle, file, rule, "");
    experiment *e = open_data(middle, net, folder);
    if (e && experiment_start(e, 1, 0)) expect(0, "%s", e->host.error);
    return e;
}

static void test_unknown(const char *rule, double rate, double once_rate)
{
    static int32_t plain[LINES * STEPS], first[LINES * STEPS], again[LINES * STEPS], part[LINES * STEPS];
    experiment *e = open_words(rule);
    if (!e) return;
    const field *f = data_field(e->data, "text");
    int64_t n = f->split[SPLIT_TRAIN].leaves, others = 0, once = 0, all_once = 0;
    read_batch(e, 0, 1, 0, LINES, plain);
    read_batch(e, 1, 1, 0, LINES, first);
    read_batch(e, 1, 1, 0, LINES, again);
    expect(!memcmp(first, again, sizeof *first * (size_t)n), "%s: the same epoch twice drops other words", rule);
    for (int i = 0; i < LINES; i += 30) read_batch(e, 1, 1, i, 30, part);
    expect(!memcmp(first, part, sizeof *first * (size_t)n), "%s: in smaller batches other words are dropped", rule);
    read_batch(e, 1, 2, 0, LINES, again);
    expect(memcmp(first, again, sizeof *first * (size_t)n) != 0, "%s: two epochs drop the same words", rule);
    for (int64_t i = 0; i < n; i++) {
        int single = f->singleton && f->singleton[plain[i]];
        all_once += single;
        if (first[i] != plain[i]) *(single ? &once : &others) += 1;
    }
    double share = (double)others / (double)(n - all_once), of_once = all_once ? (double)once / (double)all_once : once_rate;
    expect(fabs(share - rate) < 0.03, "%s: %g of the words became unknown, expected %g", rule, share, rate);
    expect(fabs(of_once - once_rate) < 0.06, "%s: %g of those seen once, expected %g", rule, of_once, once_rate);
    experiment_free(e);
}

static void test_vocabulary(void)
{
    char *text = arena_text(&h.memory, ""), middle[600];
    for (int i = 0; i < LINES; i++) {
        text = arena_print(&h.memory, "%sc%d", text, i % 2);
        for (int t = 0; t < STEPS; t++)
            text = arena_print(&h.memory, t % 4 ? "%s w%d" : "%s only%d", text, t % 4 ? (i * 7 + t * t) % 37 : i * STEPS + t);
        text = arena_print(&h.memory, "%s\n", text);
    }
    write_file("dropped.txt", text);
    test_unknown("word_dropout = 0.25", 0.25, 0.25);
    test_unknown("word_dropout = 0.1, singletons_to_unknown = 0.5", 0.1, 0.5);
    test_unknown("word_dropout = 0.4, singletons_to_unknown = 0.1", 0.4, 0.4);
    snprintf(middle, sizeof middle, file, "size = 50", "vocabulary = { word_dropout = 0.1 }\n");
    refuse(middle, net, folder, "word_dropout: field 'label' has no unknown word that could take a word's place; a text of words or "
                                "characters has");
}

int main(int argc, char **argv)
{
    if (argc < 3 || test_open(&h, argv[1], registry_isa(), 2)) return 2;
    plugins = argv[1], folder = argv[2];
    test_dropout();
    test_embedding();
    test_vocabulary();
    test_close(&h);
    return expect_end("dropout");
}
