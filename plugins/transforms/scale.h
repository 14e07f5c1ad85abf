/* scale.h -- what transforms of numbers share that learn a shift and a factor of each column:  y = (x - shift) / factor. */
#ifndef SCALE_H
#define SCALE_H
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"

typedef struct scale {
    const tn_api *api; tn_host *host;
    const void *config;
    int64_t width;                         /* columns; 0: nothing is planned                                       */
    int64_t n;                             /* rows seen so far                                                     */
    double *a, *b;                         /* [width] while learning: what the part sums in; then shift and factor */
    float *room; int64_t room_size;
} scale;

static int scale_open(const tn_api *api, tn_host *host, const void *config, void *self)
{
    scale *s = (scale *)self;
    s->api = api, s->host = host, s->config = config;
    return TN_OK;
}

static void scale_close(void *self)
{
    scale *s = (scale *)self;
    free(s->a), free(s->b), free(s->room);
    s->a = s->b = NULL, s->room = NULL, s->width = s->n = s->room_size = 0;
}

static int scale_size(scale *s, int64_t width)
{
    free(s->a), free(s->b);
    s->a = (double *)calloc((size_t)width, sizeof *s->a), s->b = (double *)calloc((size_t)width, sizeof *s->b);
    s->width = width, s->n = 0;
    return s->a && s->b ? TN_OK : s->api->fail(s->host, TN_ENOMEM, "no memory for the scale of a column");
}

static int scale_plan(const tn_api *api, tn_host *host, const void *config, void *self, const tn_column *in, tn_column *out)
{
    (void)config;
    if (in->dtype == TN_TEXT ? in->width != 1 : in->dtype != TN_F32)
        return tn_fail(api, host, TN_EINVAL, "takes numbers; this column has ids");
    *out = *in;
    out->dtype = TN_F32;
    return scale_size((scale *)self, in->width ? in->width : 1);
}

/* The numbers of a value; of texts, what they say. NULL after fail(). */
static const float *scale_numbers(scale *s, const tn_value *v)
{
    int64_t n = v->leaves * v->width;
    if (v->width != s->width)
        return tn_fail(s->api, s->host, TN_EINVAL, "%u columns, expected %lld", v->width, (long long)s->width), (float *)NULL;
    if (n > s->room_size || !s->room) { /* an example may have no numbers at all */
        free(s->room);
        s->room = (float *)calloc((size_t)(n + 1), sizeof *s->room), s->room_size = n;
        if (!s->room) return s->api->fail(s->host, TN_ENOMEM, "no memory for numbers"), (float *)NULL;
    }
    if (v->dtype != TN_TEXT) {
        if (n) memcpy(s->room, v->leaf, sizeof *s->room * (size_t)n);
        return s->room;
    }
    for (int64_t i = 0, at = 0; i < n; at = v->end[i], i++) {
        char text[64], *end;
        int64_t bytes = v->end[i] - at < 63 ? v->end[i] - at : 63;
        memcpy(text, (const char *)v->leaf + at, (size_t)bytes);
        text[bytes] = 0;
        s->room[i] = strtof(text, &end);
        end += strspn(end, " \t");
        if (end == text || *end || !isfinite(s->room[i]))
            return tn_fail(s->api, s->host, TN_EINVAL, "'%s' is not a number", text), (float *)NULL;
    }
    return s->room;
}

static int scale_apply(void *self, const tn_value *in, tn_rng rng, const tn_sink *sink)
{
    scale *s = (scale *)self;
    const float *x = scale_numbers(s, in);
    (void)rng;
    if (!x) return TN_EINVAL;
    for (int64_t i = 0; i < in->leaves * s->width; i++)
        s->room[i] = (float)(((double)x[i] - s->a[i % s->width]) / s->b[i % s->width]);
    tn_value out = *in;
    out.dtype = TN_F32, out.leaf = x, out.end = NULL;
    return sink->put(sink->to, 0, &out);
}

static int scale_undo(void *self, int64_t rows, int64_t width, float *x)
{
    scale *s = (scale *)self;
    if (width != s->width)
        return tn_fail(s->api, s->host, TN_ESHAPE, "%lld columns, expected %lld", (long long)width, (long long)s->width);
    for (int64_t i = 0; i < rows * width; i++) x[i] = (float)((double)x[i] * s->b[i % width] + s->a[i % width]);
    return TN_OK;
}

static int scale_save(void *self, int (*put)(void *to, const void *, size_t), void *to)
{
    scale *s = (scale *)self;
    size_t bytes = sizeof *s->a * (size_t)s->width;
    int rc = put(to, &s->width, sizeof s->width);
    if (!rc && bytes) rc = put(to, s->a, bytes);
    return rc || !bytes ? rc : put(to, s->b, bytes);
}

static int scale_load(void *self, int (*get)(void *from, void *, size_t), void *from)
{
    scale *s = (scale *)self;
    int64_t width;
    int rc = get(from, &width, sizeof width);
    if (rc) return rc;
    if (width < 0 || width > 1000000) return TN_EIO;
    if (!width) return TN_OK;
    if ((rc = scale_size(s, width)) || (rc = get(from, s->a, sizeof *s->a * (size_t)width))) return rc;
    return get(from, s->b, sizeof *s->b * (size_t)width);
}
#endif
