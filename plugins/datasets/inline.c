/* inline.c -- examples that stand in the experiment file itself. */
#include "text_file.h"

typedef struct { tn_list columns, split[TEXT_SPLITS]; } config;
#define SPLIT_TEXTS(i, name) { name, "cells of the " name " split: the columns of the first example, of the second, and so on", \
                               TN_O_STRS, 0, (uint32_t)(offsetof(config, split) + (i) * sizeof(tn_list)), 0, 0, 0, NULL, 0, 1e6, \
                               NULL, NULL }
static const tn_option options[] = {
    { "columns", "names of the columns", TN_O_STRS, TN_O_REQUIRED, TN_AT_(config, columns, tn_list), 0, 0, 0, NULL, 1, 64, NULL,
      NULL },
    SPLIT_TEXTS(0, "train"), SPLIT_TEXTS(1, "validation"), SPLIT_TEXTS(2, "test") };

typedef struct { const config *c; const tn_api *api; tn_host *host; } inline_set;

static int open_inline(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    inline_set *s = self;
    s->c = config_, s->api = api, s->host = host;
    for (int i = 0; i < TEXT_SPLITS; i++)
        if (s->c->split[i].n % s->c->columns.n)
            return tn_fail(api, host, TN_EINVAL, "%s: %lld cells for %lld columns: an example lacks one, or has one too many",
                           text_splits[i], (long long)s->c->split[i].n, (long long)s->c->columns.n);
    return TN_OK;
}

static int column(void *self, uint32_t i, tn_column *c)
{
    const inline_set *s = self;
    if (i >= s->c->columns.n) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 0, 1, ((const char *const *)s->c->columns.v)[i], 0 };
    return TN_OK;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    const inline_set *s = self;
    int i = text_split(split);
    (void)lanes;
    return i < 0 ? 0 : s->c->split[i].n / s->c->columns.n;
}

static int load(void *self, const char *split) { return count(self, split, 1) ? TN_OK : TN_END; }

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const inline_set *s = self;
    const char *const *cell = (const char *const *)s->c->split[text_split(split)].v + index * s->c->columns.n;
    (void)lanes, (void)rng;
    for (int64_t i = 0; i < s->c->columns.n; i++) {
        int rc = put_text(sink, (uint32_t)i, cell[i], strlen(cell[i]));
        if (rc) return rc;
    }
    return TN_OK;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_example, NULL, NULL, NULL };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "inline", "examples that stand in the experiment file",
    "For a handful of examples, to try a network on. Every cell is a text, which the transforms of its field cut:\n\n"
    "    [dataset]\n"
    "    type = \"inline\"\n"
    "    columns = [\"text\", \"tags\"]\n"
    "    train = [\"the cat sat\", \"O B-ANIMAL O\",\n"
    "             \"a dog ran\", \"O B-ANIMAL O\"]",
    TN_OPTIONS(options), sizeof(config), sizeof(inline_set), NULL, open_inline, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("inline", "1.0.0", "Tenon", "MIT", "", parts)
