/* ahead_test.c PLUGINS FOLDER -- batches built ahead are those that are built in place, whoever asks for which in what order;
 * a mistake in one is told when that one is taken, and not before; a thread that is building is no hurry to anyone. */
#include <stdlib.h>
#include <time.h>
#include "../host/experiment.h"
#include "expect.h"

enum { LINES = 203, SIZE = 8 };            /* the last batch has three                                             */
static const char *plugins, *folder;

static const char file[] =
    "schema = 1\nname = 'ahead'\nseed = 7\n[dataset]\ntype = 'lines'\ntrain = 'ahead.txt'\nvalidation = 'ahead.txt'\n"
    "[[field]]\nname = 'words'\ncolumn = 'text'\ntransforms = ['words']\nvocabulary = { singletons_to_unknown = 0.5 }\n"
    "[[field]]\nname = 'chars'\ncolumn = 'text'\nwithin = 'words'\ntransforms = ['words', 'characters']\n"
    "[[field]]\nname = 'label'\nkind = 'category'\n"
    "[[layer]]\nname = 'letters'\ntype = 'embedding'\ninputs = 'chars'\nwidth = 3\n[[layer]]\nname = 'word'\ntype = 'mean'\n"
    "[[layer]]\nname = 'table'\ntype = 'embedding'\ninputs = 'words'\nwidth = 2\n"
    "[[layer]]\nname = 'of_words'\ntype = 'mean'\ninputs = 'table'\n[[layer]]\nname = 'of_letters'\ntype = 'mean'\ninputs = 'word'\n"
    "[[layer]]\nname = 'output'\ntype = 'dense'\nunits = 'label'\n[[loss]]\ntype = 'cross_entropy'\ninput = 'output'\ntarget = 'label'\n"
    "[[layer]]\nname = 'second'\ntype = 'dense'\ninputs = 'of_words'\nunits = 'label'\n"
    "[[loss]]\nname = 'other'\ntype = 'cross_entropy'\ninput = 'second'\ntarget = 'label'\n"
    "[optimizer]\ntype = 'sgd'\nlearning_rate = 0.1\n[training]\nepochs = 1\nbatch_size = 8\n";

static FILE *create(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", folder, name);
    return fopen(path, "w");
}

static experiment *open_experiment(int threads)
{
    char path[1000];
    FILE *f = create("ahead.txt", path, sizeof path);
    for (int i = 0; f && i < LINES; i++) {
        fprintf(f, "c%d ", i % 3);
        for (int t = 0; t < i * 7 % 11; t++) fprintf(f, "%sw%d", t ? " " : "", i * t * t % 1013);
        fputc('\n', f);
    }
    if (f) fclose(f);
    if ((f = create("ahead.toml", path, sizeof path))) fputs(file, f), fclose(f);
    const char *paths[] = { plugins, NULL }, *dirs[] = { folder, NULL };
    overrides o = { NULL, 0, dirs, paths };
    experiment *e = experiment_load(path, &o);
    if (!diag_errors(e->messages) && !experiment_read_data(e, NULL, NULL) && !experiment_start(e, threads, 0)) return e;
    diag_print(e->messages, stdout);
    expect(0, "the experiment does not open: %s", e->host.error);
    experiment_free(e);
    return NULL;
}

/* ---- two batches alike ------------------------------------------------------------------------------------------------ */
static int same(const void *a, const void *b, int64_t n) { return !n || !memcmp(a, b, sizeof(int32_t) * (size_t)n); }

static int same_layout(const tn_layout *a, const tn_layout *b)
{
    if (a->rows != b->rows || a->sequences != b->sequences || a->steps != b->steps || !same(a->root, b->root, a->rows)) return 0;
    return a->id == TN_ROOT || (same(a->length, b->length, a->sequences) && same(a->order, b->order, a->sequences)
                                && same(a->first, b->first, a->steps + 1) && same(a->up, b->up, a->rows));
}

static int same_index(const tn_index *a, const tn_index *b)
{
    return a->distinct == b->distinct && a->rows == b->rows && same(a->key, b->key, a->distinct) && same(a->of, b->of, a->rows)
        && same(a->begin, b->begin, a->distinct + 1) && same(a->row, b->row, a->rows);
}

static int same_batch(const experiment *e, const batch *a, const batch *b)
{
    if (a->n != b->n || memcmp(a->example, b->example, sizeof *a->example * (size_t)a->n)) return 0;
    for (int id = 1; id < e->graph->n_layouts; id++)
        if (!same_layout(&a->layout[id], &b->layout[id])) return 0;
    for (int i = 0; i < e->data->n_fields; i++) {
        const field *f = e->data->field[i];
        if (!same(a->field_data[i], b->field_data[i], a->layout[f->layout].rows)
            || !same_index(&a->field_index[i], &b->field_index[i])) return 0;
    }
    return 1;
}

/* ---- what is taken -------------------------------------------------------------------------------------------------- */
static batch in_place;

/* Batch k of a list as batch_build makes it here. */
static int build_here(experiment *e, const batch_list *l, int64_t k)
{
    int64_t example[SIZE], at = k * l->size, n = l->count - at < l->size ? l->count - at : l->size;
    for (int64_t i = 0; i < n; i++) example[i] = l->example ? l->example[at + i] : at + i;
    in_place.replaces = l->replaces, in_place.rng = l->rng;
    return batch_build(e->graph, &in_place, l->split, example, (int32_t)n);
}

static void take(experiment *e, const batch_list *l, int64_t k, const char *when)
{
    const batch *b = NULL;
    int rc = ahead_take(e->ahead, k, &b);
    expect(!rc && b && !build_here(e, l, k) && same_batch(e, b, &in_place), "%s: batch %lld is another one than that built in place",
           when, (long long)k);
}

static void moment(void)
{
    struct timespec t = { 0, 20 * 1000 * 1000 };
    nanosleep(&t, NULL);
}

static void check_batches(experiment *e, const batch_list *train, const batch_list *validation)
{
    int64_t batches = (LINES + SIZE - 1) / SIZE;
    ahead_begin(e->ahead, train);
    expect(ahead_batches(e->ahead) == batches, "%lld batches, expected %lld", (long long)ahead_batches(e->ahead), (long long)batches);
    for (int64_t k = 0; k < batches; k++) take(e, train, k, "in order");
    for (int64_t k = batches; k-- > 0; ) take(e, train, k, "backwards");
    take(e, train, 3, "twice"), take(e, train, 3, "twice");
    ahead_begin(e->ahead, validation); /* while batch 4 is being built */
    for (int64_t k = 0; k < batches; k++) take(e, validation, k, "another list");
    ahead_begin(e->ahead, train);
    take(e, train, 4, "the first list again");
}

/* Sizes from lengths are those of the batches themselves. */
static void check_measure(experiment *e, const batch_list *train)
{
    int64_t most[MAX_LAYOUTS] = { 0 };
    memset(e->graph->reserved_rows, 0, sizeof e->graph->reserved_rows);
    ahead_begin(e->ahead, train);
    expect(!ahead_measure(e->ahead), "measuring: %s", e->host.error);
    for (int64_t k = 0; k < ahead_batches(e->ahead); k++) {
        expect(!build_here(e, train, k), "%s", e->host.error);
        for (int id = 1; id < e->graph->n_layouts; id++)
            if (in_place.layout[id].rows > most[id]) most[id] = in_place.layout[id].rows;
    }
    for (int id = 1; id < e->graph->n_layouts; id++)
        expect(most[id] == e->graph->reserved_rows[id], "layout %d: %lld rows reserved, %lld in use", id,
               (long long)e->graph->reserved_rows[id], (long long)most[id]);
}

/* A wrong id in batch 5 alone: the same message as in place, when batch 5 is taken, and the others are whole. */
static void check_error(experiment *e, const batch_list *l)
{
    store *s = &data_field(e->data, "words")->split[SPLIT_TRAIN];
    int64_t leaf = -1;
    char in_place_says[sizeof e->host.error];
    const batch *b;
    for (int64_t i = 5 * SIZE; leaf < 0; i++)
        if (s->begin[l->example[i] + 1] > s->begin[l->example[i]]) leaf = s->begin[l->example[i]];
    int32_t right = s->id[leaf];
    s->id[leaf] = -3;
    expect(build_here(e, l, 5) < 0 && strstr(e->host.error, "'words' has the id -3"), "in place: '%s'", e->host.error);
    snprintf(in_place_says, sizeof in_place_says, "%s", e->host.error);
    host_clear(&e->host);
    expect(batch_check_ids(e->graph, SPLIT_TRAIN) && !strcmp(e->host.error, in_place_says), "the check of ids says '%s'", e->host.error);
    host_clear(&e->host);
    ahead_begin(e->ahead, l);
    take(e, l, 4, "before the wrong one");
    moment(); /* by now batch 5 has been built, where there is a thread for it */
    expect(!e->host.error[0], "told too early: '%s'", e->host.error);
    expect(ahead_take(e->ahead, 5, &b) < 0 && !strcmp(e->host.error, in_place_says), "batch 5 says '%s'", e->host.error);
    host_clear(&e->host);
    expect(ahead_take(e->ahead, 5, &b) < 0 && !strcmp(e->host.error, in_place_says), "batch 5 again says '%s'", e->host.error);
    host_clear(&e->host);
    take(e, l, 6, "after the wrong one");
    ahead_end(e->ahead);
    s->id[leaf] = right;
    expect(!batch_check_ids(e->graph, SPLIT_TRAIN), "the check of ids says '%s'", e->host.error);
}

static void check(int threads)
{
    experiment *e = open_experiment(threads);
    if (!e) return;
    int64_t *order = malloc(sizeof *order * LINES);
    for (int64_t i = 0; i < LINES; i++) order[i] = i * 86 % LINES;
    batch_list train = { SPLIT_TRAIN, order, LINES, SIZE, 1, { 7, 3 } };
    batch_list validation = { .split = SPLIT_VALIDATION, .count = LINES, .size = SIZE };
    check_batches(e, &train, &validation);
    check_measure(e, &train);
    check_error(e, &train);
    ahead_begin(e->ahead, &train);
    take(e, &train, 0, "before the end");
    ahead_end(e->ahead);
    free(order);
    ahead_begin(e->ahead, &validation);
    take(e, &validation, 0, "before the end"); /* batch 1 may be in the making when all is freed */
    scratch_free(&in_place.memory);
    memset(&in_place, 0, sizeof in_place);
    experiment_free(e);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    plugins = argv[1], folder = argv[2];
    for (int threads = 1; threads <= 3; threads++) check(threads);
    return expect_end("batches ahead");
}
