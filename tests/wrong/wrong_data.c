/* wrong_data.c -- a metric (the share of right classes), a transform (the first letters of a text, as many as the longest that
 * it learned from had, at most 40) and a data set (the lines of a file), with one fault built in by -DFAULT=n. FAULT 45 is
 * right. check-plugin must pass that and name the fault of every other.                                             */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"
#ifndef FAULT
#define FAULT 45
#endif

/* ---- the metric ---------------------------------------------------------------------------------------------- */
typedef struct { int64_t width; } metric;
static int plan_metric(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in, const tn_spec *const *in,
                       uint32_t *sums)
{
    (void)opts, (void)n_in;
    if (in[0]->dtype != TN_F32 || in[1]->means != TN_IDS || in[0]->layout != in[1]->layout || in[0]->width != in[1]->classes)
        return api->fail(host, TN_ESHAPE, "needs a number for each class");
    ((metric *)self)->width = in[0]->width;
    *sums = 2;
    return TN_OK;
}
static int update(void *self, const tn_call *c, double *sum)
{
    int64_t width = ((metric *)self)->width, rows = c->in[1]->rows, right = 0;
    const float *x = c->in[0]->data;
    for (int64_t r = 0; r < rows + (FAULT == 48); r++, x += width) { /* 48: one row more than there are */
        int64_t best = 0;
        for (int64_t j = 1; j < width; j++) best = x[j] > x[best] ? j : best;
        right += r < rows ? best == ((int32_t *)c->in[1]->data)[r] : best < 0;
    }
    if (FAULT == 46) sum[0] = (double)right, sum[1] = (double)rows; /* of the last batch alone */
    else if (FAULT == 47) sum[0] += rows ? (double)right / (double)rows : 0, sum[1] += rows > 0; /* a mean of batches */
    else sum[0] += (double)right, sum[1] += (double)rows;
    return TN_OK;
}
static int result(void *self, const double *sum, uint32_t i, const char **name, double *value, int32_t *higher)
{
    (void)self;
    if (i) return TN_END;
    *name = FAULT == 49 && sum[1] > 0 ? "share" : NULL, *higher = 1; /* 49: another name before any row */
    *value = sum[1] > 0 || FAULT == 50 ? sum[0] / sum[1] - (FAULT == 50 ? sum[0] / 0.0 : 0) : 0; /* 50: not finite */
    return TN_OK;
}
static const tn_metric metric_table = { sizeof metric_table, 0, 2, 2, plan_metric, update, result };
static const tn_desc metric_desc = { sizeof metric_desc, TN_METRIC, &metric_table, "wrong_metric",
                                     "a metric, with a fault", "For a test.", TN_NO_OPTIONS, 0, sizeof(metric), NULL, NULL, NULL, NULL, NULL, NULL };

/* ---- the transform ------------------------------------------------------------------------------------------- */
typedef struct { int64_t most, before; } transform;
static int plan_transform(const tn_api *api, tn_host *host, const void *opts, void *self, const tn_column *in, tn_column *out)
{
    (void)opts, (void)self;
    if (in->dtype != TN_TEXT || in->depth) return api->fail(host, TN_EINVAL, "takes a text that is not cut into steps");
    *out = *in;
    if (FAULT == 51) out->depth = 1; /* and gives no steps */
    return TN_OK;
}
static int learn(void *self, const tn_value *in)
{
    transform *t = self;
    if (in->end[0] > t->most) t->most = in->end[0];
    return TN_OK;
}
static int finish(void *self)
{
    transform *t = self;
    if (t->most > 40) t->most = 40;
    return TN_OK;
}
static int apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    transform *t = self;
    const char *text = in->leaf;
    int64_t n = in->end[0] < t->most ? in->end[0] : t->most;
    (void)rng;
    while (FAULT != 52 && n > 0 && n < in->end[0] && ((unsigned char)text[n] & 0xc0) == 0x80) n--; /* 52: cuts letters apart */
    if (FAULT == 53 && t->before > 100) n = n > 0 ? 0 : n; /* looks at the text before this one */
    t->before = in->end[0];
    if (FAULT == 54 && n > 0 && text[0] > 0 && (unsigned char)text[0] < 128) /* writes into what it was given */
        ((char *)(uintptr_t)in->leaf)[0] = 'x';
    if (FAULT == 55 && text[in->end[0]] == 'x') n = 0; /* reads behind its end */
    tn_value v = *in;
    v.end = &n;
    return FAULT == 56 && n == 3 ? TN_OK : sink->put(sink->to, 0, &v); /* 56: gives nothing */
}
static int save(void *self, int (*put)(void *to, const void *, size_t), void *to)
{
    transform *t = self;
    int64_t most = FAULT == 57 ? 12 : t->most; /* not what it has learned */
    return put(to, &most, sizeof most);
}
static int load(void *self, int (*get)(void *from, void *, size_t), void *from)
{
    return get(from, &((transform *)self)->most, sizeof(int64_t));
}
static const tn_transform transform_table = { sizeof transform_table, 0, plan_transform, apply, learn, finish, NULL };
static const tn_desc transform_desc = { sizeof transform_desc, TN_TRANSFORM, &transform_table, "wrong_transform",
                                        "a transform, with a fault", "For a test.", TN_NO_OPTIONS, 0, sizeof(transform), NULL, NULL, NULL, save, load, NULL };

/* ---- the data set ---------------------------------------------------------------------------------------------- */
typedef struct { const char *train; } data_config;
typedef struct { const tn_api *api; tn_host *host; const char *path; char *text; int64_t begin[1000], n, calls; } data;
static const tn_option data_options[] = { TN_PATH_X(data_config, train, TN_O_REQUIRED, NULL, "file of lines") };

static int open_data(const tn_api *api, tn_host *host, const void *opts, void *self)
{
    data *d = self;
    d->api = api, d->host = host, d->path = ((const data_config *)opts)->train;
    return TN_OK;
}
static void close_data(void *self) { free(((data *)self)->text), ((data *)self)->text = NULL; }
static int column(void *self, uint32_t i, tn_column *c)
{
    (void)self;
    if (i > 1) return TN_END;
    *c = (tn_column){ sizeof *c, i ? TN_I32 : TN_TEXT, 0, 1, i ? "length" : "line", i ? 40 : 0, 0 };
    return TN_OK;
}
static int load_data(void *self, const char *split)
{
    data *d = self;
    if (strcmp(split, "train")) return TN_END;
    FILE *f = fopen(d->path, "rb");
    if (FAULT == 58 && !f) return TN_EIO; /* and does not say why */
    if (FAULT != 59 && !f) return tn_fail(d->api, d->host, TN_EIO, "cannot read '%s'", d->path); /* 59: does not look */
    free(d->text);
    d->text = calloc(1, 10000);
    size_t n = d->text ? fread(d->text, 1, 9999, f) : 0;
    fclose(f);
    for (size_t i = d->n = 0; i < n && d->n < 999; i++)
        if (!i || d->text[i - 1] == '\n') d->begin[d->n++] = (int64_t)i;
    d->begin[d->n] = (int64_t)n;
    return TN_OK;
}
static int64_t count(void *self, const char *split, int64_t lanes) { return (void)split, (void)lanes, ((data *)self)->n; }
static int read_data(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    data *d = self;
    (void)split, (void)lanes, (void)rng;
    if (FAULT == 60) index = d->calls++ % d->n; /* one after the other, whichever is asked for */
    int64_t from = d->begin[index], n = d->begin[index + 1] - from;
    int32_t length = FAULT == 61 ? (int32_t)n + 40 : (int32_t)(n % 40); /* 61: no class that there is */
    tn_value line = { sizeof line, TN_TEXT, 0, 1, 1, 1, NULL, d->text + from, &n },
             ids = { sizeof ids, TN_I32, 0, 1, 1, 1, NULL, &length, NULL };
    int rc = sink->put(sink->to, 0, &line);
    return rc || (FAULT == 62 && n < 4) ? rc : sink->put(sink->to, 1, &ids); /* 62: forgets one */
}
static const tn_dataset data_table = { sizeof data_table, 0, column, load_data, count, read_data, NULL, NULL, NULL };
static const tn_desc data_desc = { sizeof data_desc, TN_DATASET, &data_table, "wrong_data", "a data set, with a fault", "For a test.",
                                   TN_OPTIONS(data_options), sizeof(data_config), sizeof(data), NULL, open_data, close_data, NULL, NULL,
                                   NULL };
static const tn_desc *const parts[] = { &metric_desc, &transform_desc, &data_desc, NULL };
TN_PLUGIN("wrong_data", "1.0.0", "Tenon", "MIT", "", parts)
