/* split.c -- [dataset] split = { validation = 0.1, test = 0.2, seed = 42, by = "Source" }: shares of the training source by
 * a shuffle keyed by the seed. With `by`, whole groups are dealt out until the share is met, so that examples that
 * belong together never lie on both sides. { folds = 10, fold = 3 } tests on the third tenth, fold = "seed" on the one that
 * the seed of the experiment names. limit = { train = 1000 } keeps that many, drawn by the same seed.               */
#include <stdlib.h>
#include <string.h>
#include "../include/tenon/random.h"
#include "graph.h"
#include "split.h"
#include "vocabulary.h"

/* Cross validation: which fold is tested on. The shuffle is the same for all folds unless `seed` says otherwise. */
static void plan_folds(const data *d, struct data_split *s, config_value *t, diag *m)
{
    config_value *fold = config_get(t, "fold");
    s->folds = config_int(t, "folds", 0, 2, 1000000, m);
    if (!s->folds) {
        if (fold) diag_error(m, fold->key_at, "split: fold needs `folds`, as in { folds = 10, fold = 3 }"), fold->used = 1;
        return;
    }
    s->seed = 0, s->share[SPLIT_TEST] = 1.0 / (double)s->folds;
    if (config_get(t, "test")) diag_error(m, t->at, "split: test: with `folds` the fold is the test split; leave one out");
    if (fold && fold->type == CONFIG_STRING && !strcmp(fold->text, "seed"))
        fold->used = 1, s->fold = (int64_t)((d->seed + (uint64_t)s->folds - 1) % (uint64_t)s->folds);
    else if (fold && fold->type == CONFIG_STRING)
        diag_error(m, fold->at, "split: fold: '%s' is neither a number from 1 to %lld nor \"seed\"", fold->text,
                   (long long)s->folds), fold->used = 1;
    else s->fold = config_int(t, "fold", 1, 1, s->folds, m) - 1;
}

struct data_split *split_plan(data *d, config_value *dataset)
{
    static const char *const keys[] = { "validation", "test", "seed", "by", "folds", "fold" };
    diag *m = d->context->messages;
    struct data_split *s = arena_new(d->context->memory, sizeof *s);
    for (int i = 0; i < SPLITS; i++) s->source[i] = i;
    s->seed = d->seed;
    config_value *t = config_get(dataset, "split"), *l = config_get(dataset, "limit");
    if (l && l->type == CONFIG_TABLE) {
        l->used = 1;
        for (int i = 0; i < SPLITS; i++) s->limit[i] = config_int(l, split_names[i], 0, 1, INT64_MAX, m);
        config_unused(l, "limit", split_names, SPLITS, NULL, m);
    } else if (l) diag_error(m, l->at, "limit: expected a table, as in { train = 1000 }, got %s", config_type_name(l->type));
    if (!t) return s;
    t->used = 1;
    if (t->type != CONFIG_TABLE) {
        diag_error(m, t->at, "split: expected a table, as in { test = 0.2 }, got %s", config_type_name(t->type));
        return s;
    }
    s->share[SPLIT_VALIDATION] = config_real(t, "validation", 0, 0, 1, m);
    s->share[SPLIT_TEST] = config_real(t, "test", 0, 0, 1, m);
    s->seed = d->seed;
    plan_folds(d, s, t, m);
    s->seed = (uint64_t)config_int(t, "seed", (int64_t)s->seed, 0, INT64_MAX, m);
    s->by = config_text(t, "by", NULL, m);
    config_unused(t, "split", keys, 6, NULL, m);
    double sum = s->share[SPLIT_VALIDATION] + s->share[SPLIT_TEST];
    if (sum >= 1) diag_error(m, t->at, "split: validation and test take %g of the examples; nothing is left to train on", sum);
    for (int i = SPLIT_VALIDATION; i < SPLITS; i++) {
        if (s->share[i] <= 0) continue;
        s->source[i] = SPLIT_TRAIN;
        if (config_get(dataset, split_names[i]))
            diag_error(m, t->at, "split: `%s` is a file of its own already", split_names[i]);
    }
    return s;
}

/* ---- groups ---------------------------------------------------------------------------------------------------- */
typedef struct grouping { interner names; int32_t *of; int64_t index; int column, got; } grouping;

static int put_group(void *to, uint32_t column, const tn_value *v)
{
    grouping *g = to;
    if ((int)column != g->column) return 0;
    g->got = v->dtype == TN_TEXT && v->leaves == 1;
    if (g->got) g->of[g->index] = interner_add(&g->names, v->leaf, (size_t)v->end[0]);
    return 0;
}

static int read_groups(data *d, int source, int64_t n, grouping *g)
{
    const tn_dataset *t = d->dataset->desc->table;
    tn_column c;
    memset(&c, 0, sizeof c);
    c.size = sizeof c;
    for (g->column = 0; !t->column(d->dataset->self, (uint32_t)g->column, &c); g->column++)
        if (!strcmp(c.name, d->split->by)) break;
    if (!c.name || strcmp(c.name, d->split->by))
        return host_fail(d->context->host, TN_EINVAL, "split: by: the data has no column '%s'", d->split->by);
    tn_sink sink = { sizeof sink, 0, g, put_group };
    for (g->index = 0; g->index < n; g->index++) {
        g->got = 0;
        int rc = t->read(d->dataset->self, split_names[source], 1, g->index, (tn_rng){ 0, 0 }, &sink);
        if (rc) return rc;
        if (!g->got)
            return host_fail(d->context->host, TN_EINVAL, "split: by: column '%s' must hold one text an example", d->split->by);
    }
    return 0;
}

/* Shuffled 0 .. n - 1. */
static int64_t *shuffled(int64_t n, uint64_t seed)
{
    int64_t *p = memory_new(sizeof *p * (size_t)(n + 1));
    tn_rng rng = tn_random_fork((tn_rng){ seed, 0 }, text_hash("split"));
    for (int64_t i = 0; i < n; i++) p[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = (int64_t)(tn_random_real(rng, (uint64_t)i) * (double)(i + 1)), keep = p[i];
        p[i] = p[k], p[k] = keep;
    }
    return p;
}

/* Where fold k begins among the units: the first that has n k / folds examples before it. Folds are as even as whole
 * units allow, and each unit is in one. */
static int64_t fold_begin(const struct data_split *s, const int64_t *order, const int64_t *size, int64_t n, int64_t units, int64_t k)
{
    int64_t at = 0;
    for (int64_t sum = 0; at < units && sum * s->folds < n * k; at++) sum += size[order[at]];
    return at;
}

/* Turns the units so that the fold which is tested on comes first; how many units it has. */
static int64_t turn_to_fold(const struct data_split *s, int64_t *order, const int64_t *size, int64_t n, int64_t units)
{
    int64_t from = fold_begin(s, order, size, n, units, s->fold), upto = fold_begin(s, order, size, n, units, s->fold + 1);
    int64_t *turned = memory_new(sizeof *turned * (size_t)(units + 1));
    for (int64_t i = 0; i < units; i++) turned[i] = order[(i + from) % units];
    memcpy(order, turned, sizeof *order * (size_t)units);
    memory_free(turned);
    return upto - from;
}

/* side[i]: the split of example i. Units (examples or groups) are dealt in shuffled order: test first, then validation. */
static void deal(const struct data_split *s, int64_t n, int64_t units, const int32_t *unit_of, char *side)
{
    int64_t *order = shuffled(units, s->seed), *size = memory_new(sizeof *size * (size_t)(units + 1)), filled = 0;
    char *side_of = memory_new((size_t)units + 1);
    for (int64_t i = 0; i < n; i++) size[unit_of ? unit_of[i] : i]++;
    int64_t want = (int64_t)(s->share[SPLIT_TEST] * (double)n + 0.5), next = 0;
    int64_t tested = s->folds ? turn_to_fold(s, order, size, n, units) : units;
    for (; next < tested && (s->folds || filled < want); next++) side_of[order[next]] = SPLIT_TEST, filled += size[order[next]];
    want = (int64_t)(s->share[SPLIT_VALIDATION] * (double)n + 0.5), filled = 0;
    for (; next < units && filled < want; next++) side_of[order[next]] = SPLIT_VALIDATION, filled += size[order[next]];
    for (int64_t i = 0; i < n; i++) side[i] = side_of[unit_of ? unit_of[i] : i];
    memory_free(order);
    memory_free(size);
    memory_free(side_of);
}

/* Leaves `limit` examples of split k, drawn from all of it: a file may be sorted by class. The others are on no side. */
static void limit_side(const struct data_split *s, char *side, int64_t n, int k)
{
    int64_t *order = shuffled(n, s->seed), kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (side[order[i]] == k && ++kept > s->limit[k]) side[order[i]] = SPLITS;
    memory_free(order);
}

int split_divide(data *d, int source, int64_t n)
{
    struct data_split *s = d->split;
    char *side = memory_new((size_t)n + 1);
    int rc = 0;
    int shares = source == SPLIT_TRAIN && s->share[SPLIT_VALIDATION] + s->share[SPLIT_TEST] > 0;
    memset(side, source, (size_t)n);
    if (shares && s->by) {
        grouping g = { .of = memory_new(sizeof(int32_t) * (size_t)(n + 1)) };
        rc = read_groups(d, source, n, &g);
        if (!rc) deal(s, n, g.names.n, g.of, side);
        interner_free(&g.names);
        memory_free(g.of);
    } else if (shares) deal(s, n, n, NULL, side);
    for (int k = 0; k < SPLITS; k++) {
        if (s->source[k] != source) continue;
        memory_free(s->pick[k]);
        s->pick[k] = memory_new(sizeof *s->pick[k] * (size_t)(n + 1));
        s->n[k] = 0;
        if (s->limit[k]) limit_side(s, side, n, k);
        for (int64_t i = 0; i < n; i++)
            if (side[i] == k) s->pick[k][s->n[k]++] = i;
    }
    memory_free(side);
    return rc;
}

void split_free(struct data_split *s)
{
    for (int i = 0; s && i < SPLITS; i++) memory_free(s->pick[i]);
}
