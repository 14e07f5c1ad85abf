/* inline.c -- examples that stand in the experiment file itself. */
#include "text_file.h"
#include "tenon/place.h"

typedef struct { tn_list columns, split[TEXT_SPLITS]; } config;
#define SPLIT_TEXTS(i, name) { name, "cells of the " name " split: the columns of the first example, of the second, and so on", \
                               TN_O_STRS, 0, (uint32_t)(offsetof(config, split) + (i) * sizeof(tn_list)), 0, 0, 0, NULL, 0, 1e6, \
                               NULL, NULL }
static const tn_option options[] = {
    { "columns", "names of the columns", TN_O_STRS, TN_O_REQUIRED, TN_AT_(config, columns, tn_list), 0, 0, 0, NULL, 1, 64, NULL,
      NULL },
    SPLIT_TEXTS(0, "train"), SPLIT_TEXTS(1, "validation"), SPLIT_TEXTS(2, "test") };

typedef struct { const config *c; const tn_api *api; tn_host *host; const tn_place *places; } inline_set;

static const char *const *cell_of(const inline_set *s, int split, int64_t i) { return (const char *const *)s->c->split[split].v + i; }

/* ---- as many cells as columns ----------------------------------------------------------------------------------- */
/* The line of a cell; 0: it has none. */
static int32_t line_of(const inline_set *s, int split, int64_t i)
{
    char ignored[8];
    int32_t line;
    return s->places && !s->places->of(s->host, cell_of(s, split, i), ignored, sizeof ignored, &line) ? line : 0;
}

/* The first cell of the line that is to blame, and how many stand on it. Whoever writes some lines of whole examples writes all of
 * them so: the first line of another number is meant. Where none is whole, it is what is left at the end.           */
static int64_t odd_cells(const inline_set *s, int split, int64_t *n)
{
    int64_t all = s->c->split[split].n, columns = s->c->columns.n, odd = -1, from = 0, upto;
    int whole = 0;
    for (; from < all; from = upto) {
        int32_t line = line_of(s, split, from);
        for (upto = from + 1; upto < all && line && line_of(s, split, upto) == line; ) upto++;
        if (!line) break;
        if ((upto - from) % columns == 0) whole = 1;
        else if (odd < 0) odd = from, *n = upto - from;
    }
    if (whole && odd >= 0) return odd;
    *n = all % columns;
    return all - *n;
}

static int not_whole(const inline_set *s, int split)
{
    char names[100] = "", text[400];
    int64_t columns = s->c->columns.n, n = 0, at = odd_cells(s, split, &n);
    for (int64_t i = 0; i < columns; i++) {
        size_t have = strlen(names);
        snprintf(names + have, sizeof names - have, "%s%s", i ? ", " : "", ((const char *const *)s->c->columns.v)[i]);
    }
    snprintf(text, sizeof text, "%s: %lld cells do not make whole examples of %lld (%s): the one here has %lld; write one for each column",
             text_splits[split], (long long)s->c->split[split].n, (long long)columns, names, (long long)n);
    if (!s->places) return s->api->fail(s->host, TN_EINVAL, text);
    return s->places->fail(s->host, cell_of(s, split, at), TN_EINVAL, text);
}

static int open_inline(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    inline_set *s = self;
    s->c = config_, s->api = api, s->host = host, s->places = api->ext(host, TN_PLACE);
    for (int i = 0; i < TEXT_SPLITS; i++)
        if (s->c->split[i].n % s->c->columns.n) return not_whole(s, i);
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
    const char *const *cell = cell_of(s, text_split(split), index * s->c->columns.n);
    (void)lanes, (void)rng;
    for (int64_t i = 0; i < s->c->columns.n; i++) {
        int rc = put_text(sink, (uint32_t)i, cell[i], strlen(cell[i]));
        if (rc) return rc;
    }
    return TN_OK;
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    const inline_set *s = self;
    int32_t line;
    if (!s->places) return TN_END;
    return s->places->of(s->host, cell_of(s, text_split(split), index * s->c->columns.n), text, size, &line);
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_example, place, NULL, NULL };
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
