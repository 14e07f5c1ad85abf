/* bytes.c -- a data set that hands on what is no UTF-8, as none of Tenon's does: two examples of a text and a label. */
#include <stdio.h>
#include <string.h>
#include "tenon/tenon.h"

static const char *const cell[2][2] = { { "plain", "a" }, { "caf\xe9", "b" } };

static int column(void *self, uint32_t i, tn_column *c)
{
    (void)self;
    if (i > 1) return TN_END;
    *c = (tn_column){ sizeof *c, TN_TEXT, 0, 1, i ? "label" : "text", 0, 0 };
    return TN_OK;
}

static int load(void *self, const char *split)
{
    (void)self;
    return strcmp(split, "train") ? TN_END : TN_OK;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    (void)self, (void)lanes;
    return strcmp(split, "train") ? 0 : 2;
}

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    int rc = 0;
    (void)self, (void)split, (void)lanes, (void)rng;
    for (uint32_t i = 0; i < 2 && !rc; i++) {
        int64_t end = (int64_t)strlen(cell[index][i]);
        tn_value v = { sizeof v, TN_TEXT, 0, 1, 1, 1, NULL, cell[index][i], &end };
        rc = sink->put(sink->to, i, &v);
    }
    return rc;
}

static int place(void *self, const char *split, int64_t index, char *text, size_t size)
{
    (void)self;
    snprintf(text, size, "%s example %lld", split, (long long)index + 1);
    return TN_OK;
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_example, place, NULL, NULL };
static const tn_desc desc = { .size = sizeof desc, .kind = TN_DATASET, .table = &table, .name = "bytes",
                              .brief = "text that is no UTF-8", .doc = "", TN_NO_OPTIONS, .config_size = 1, .self_size = 1 };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("bytes", "1.0", "The Tenon authors", "MIT", "", parts)
