/* metrics.c -- the checks of metrics: on outputs and targets of every kind that the part takes, one result however the split
 * is cut into batches, since its sums go on from batch to batch; the names of its results before there is any row. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../include/tenon/metric_rows.h"
#include "checks.h"

enum { MOST_RESULTS = 200 };
static const int64_t all_examples[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
/* Examples in each batch; a batch of example 1, or of 5, has no steps. */
static const int cuts[][EXAMPLES + 1] = { { 8 }, { 1, 1, 1, 1, 1, 1, 1, 1 }, { 3, 5 }, { 1, 4, 2, 1 } };
enum { CUTS = sizeof cuts / sizeof *cuts };

static const offer offers[][2] = {
    { REALS(L_ROOT, 5), IDS(L_ROOT, 5) }, { REALS(L_TEXT, 5), IDS(L_TEXT, 5) }, { MEANT(L_TEXT, 5, TN_LOGITS), IDS(L_TEXT, 5) },
    { MEANT(L_TEXT, 5, TN_PROBABILITIES), IDS(L_TEXT, 5) }, { MEANT(L_ROOT, 5, TN_LOG_PROBABILITIES), IDS(L_ROOT, 5) },
    { REALS(L_ROOT, 1), IDS(L_ROOT, 2) }, { MEANT(L_TEXT, 1, TN_LOGITS), IDS(L_TEXT, 2) },
    { MEANT(L_ROOT, 1, TN_PROBABILITIES), IDS(L_ROOT, 2) }, { REALS(L_TEXT, 1), IDS(L_TEXT, 5) },
    { REALS(L_ROOT, 3), REALS(L_ROOT, 3) }, { REALS(L_TEXT, 3), REALS(L_TEXT, 3) },
    { MEANT(L_TEXT, 3, TN_PROBABILITIES), MEANT(L_TEXT, 3, TN_PROBABILITIES) }, { IDS(L_ROOT, 7), IDS(L_ROOT, 7) },
    { IDS(L_TEXT, 7), IDS(L_TEXT, 7) }, { IDS(L_TEXT, 7), IDS(L_TARGET, 7) }, { REALS(L_TEXT, 5), IDS(L_TARGET, 5) },
    { MEANT(L_TEXT, 5, TN_LOG_PROBABILITIES), IDS(L_TARGET, 4) } };
enum { OFFERS = sizeof offers / sizeof *offers };

/* Classes have the names of tags, which some metrics read. */
static const char *const tags[] = { "O", "B-A", "I-A", "B-B", "I-B", "B-C", "I-C" };
static const char *const *tag_names(void *to, int32_t id, int64_t *n)
{
    (void)to;
    *n = id > 7 ? 0 : id;
    return tags;
}

/* ---- a split in batches ----------------------------------------------------------------------------------- */
typedef struct outcome {
    int n; char name[MOST_RESULTS][100]; double value[MOST_RESULTS]; int32_t higher[MOST_RESULTS];
    double *sum;
    char *table; size_t table_bytes;       /* what `write` gives                                                       */
} outcome;

typedef struct meter { probe p; const tn_metric *t; const tn_metric_rows *rows; uint32_t sums, width; } meter;

static const char *failure(const probe *p, const char *what)
{
    return fault("%s failed%s%s", what, p->host.error[0] ? ": " : ", and does not say why", p->host.error);
}

static const char *read_results(meter *m, outcome *o)
{
    for (o->n = 0; ; o->n++) {
        const char *name = NULL;
        double value = NAN;
        int32_t higher = -7;
        int rc = m->t->result(m->p.part->self, o->sum, (uint32_t)o->n, &name, &value, &higher);
        if (rc == TN_END) return o->n ? NULL : "has no result";
        if (rc) return failure(&m->p, "result");
        if (o->n == MOST_RESULTS) return fault("gives more than %d results; TN_END ends them", MOST_RESULTS);
        if (higher == -7) return "leaves higher_is_better of a result unwritten";
        snprintf(o->name[o->n], sizeof *o->name, "%s", name ? name : "");
        o->value[o->n] = value, o->higher[o->n] = higher != 0;
        for (int i = 0; i < o->n; i++)
            if (!strcmp(o->name[i], o->name[o->n])) return fault("gives two results the name '%s'", o->name[i]);
    }
}

static int put_table(void *to, const char *text, size_t n)
{
    outcome *o = to;
    o->table = memory_grow(o->table, o->table_bytes, o->table_bytes + n + 1);
    memcpy(o->table + o->table_bytes, text, n);
    o->table_bytes += n;
    return TN_OK;
}

static const char *finish(meter *m, outcome *o, int64_t rows, const float *kept)
{
    if (m->rows && m->rows->finish && m->rows->finish(m->p.part->self, rows, kept, o->sum)) return failure(&m->p, "finish");
    const char *bad = read_results(m, o);
    if (bad || !m->rows || !m->rows->write) return bad;
    o->table = NULL, o->table_bytes = 0;
    return m->rows->write(m->p.part->self, o->sum, rows, kept, put_table, o) ? failure(&m->p, "write") : NULL;
}

static const char *update(meter *m, double *sum, float **kept, int64_t *rows)
{
    probe *p = &m->p;
    tn_tensor *in[2] = { &p->node->in_slot[0]->value, &p->node->in_slot[1]->value }, keep, *out[1] = { &keep };
    int64_t n = in[1]->rows;
    keep = (tn_tensor){ sizeof keep, TN_F32, NULL, n, m->width, m->width, in[1]->lay, NULL, NULL };
    keep.data = guard_alloc(NULL, sizeof(float) * (size_t)(n * m->width));
    for (int64_t i = 0; i < n * m->width; i++) ((float *)keep.data)[i] = NAN;
    tn_call c = { .size = sizeof c, .api = &host_api, .host = &p->host, .be = &p->graph->be, .layout = p->batch.layout_at, .in = in,
                  .out = m->width ? out : NULL };
    host_clear(&p->host);
    if (m->t->update(p->part->self, &c, sum)) return failure(p, "update");
    size_t row = sizeof(float) * m->width;
    *kept = memory_grow(*kept, row * (size_t)*rows, row * (size_t)(*rows + n) + 1);
    if (n && m->width) memcpy(*kept + *rows * m->width, keep.data, row * (size_t)n);
    *rows += n;
    for (int64_t i = 0; i < n * m->width; i++)
        if (isnan(((float *)keep.data)[i])) return "leaves a number that it keeps of a row (tenon/metric_rows.h) unwritten";
    return NULL;
}

/* All examples, in batches of these sizes. */
static const char *count(meter *m, const int *size, outcome *o)
{
    float *kept = NULL;
    int64_t rows = 0;
    const char *bad = NULL;
    o->sum = memory_new(sizeof *o->sum * (m->sums + 1));
    double *sum = guard_alloc(NULL, sizeof *sum * m->sums);
    memset(sum, 0, sizeof *sum * m->sums);
    for (int at = 0; *size && !bad; at += *size++) {
        probe_bind(&m->p, all_examples + at, *size);
        bad = update(m, sum, &kept, &rows);
    }
    memcpy(o->sum, sum, sizeof *sum * m->sums);
    return bad ? bad : finish(m, o, rows, kept);
}

/* ---- one kind of input -------------------------------------------------------------------------------------- */
static const char *names_differ(const outcome *a, const outcome *b, const char *how)
{
    if (a->n != b->n) return fault("gives %d results, and %d %s", a->n, b->n, how);
    for (int i = 0; i < a->n; i++) {
        if (strcmp(a->name[i], b->name[i])) return fault("calls a result '%s', and '%s' %s", a->name[i], b->name[i], how);
        if (a->higher[i] != b->higher[i]) return fault("says otherwise %s whether a higher '%s' is better", how, a->name[i]);
    }
    return NULL;
}

static const char *outcomes_differ(const outcome *a, const outcome *b, int bits, const char *how)
{
    const char *bad = names_differ(a, b, how);
    for (int i = 0; i < a->n && !bad; i++) {
        double x = a->value[i], y = b->value[i];
        if (bits ? memcmp(&x, &y, sizeof x) : !(fabs(x - y) <= 1e-9 * (1 + fabs(x))))
            bad = fault("result '%s' is %.12g, and %.12g %s", a->name[i], x, y, how);
    }
    if (!bad && bits && (a->table_bytes != b->table_bytes || (a->table && memcmp(a->table, b->table, a->table_bytes))))
        bad = fault("write gives another table %s", how);
    return bad;
}

/* Opened and planned for these inputs. NULL; "": it refuses them, and says why. */
static const char *open_meter(meter *m, const subject *s, const offer *o)
{
    const tn_spec *in[2];
    tn_spec spec[2];
    memset(m, 0, sizeof *m);
    if (probe_part(&m->p, s->path, s->kind, s->name, s->options)) return "";
    if (probe_inputs(&m->p, o, 2, in)) return "no memory";
    m->t = m->p.part->desc->table;
    m->p.host.words = tag_names;
    for (int i = 0; i < 2; i++) {
        spec[i] = *in[i], in[i] = &spec[i];
        if (spec[i].means == TN_IDS) spec[i].vocabulary = (int32_t)spec[i].classes;
    }
    if (part_open(&m->p.context, m->p.part)) return m->p.host.error[0] ? "" : "cannot be opened, and does not say why";
    for (int twice = 0; twice < 2; twice++) {
        uint32_t sums = 0;
        host_clear(&m->p.host);
        if (m->t->plan(&host_api, &m->p.host, m->p.part->config, m->p.part->self, 2, in, &sums))
            return !m->p.host.error[0] ? "refuses inputs without a message; api->fail() must be told why"
                   : twice ? fault("plans once, but not again: %s", m->p.host.error) : "";
        if (twice && sums != m->sums) return fault("asks for %u sums the first time, %u the second", m->sums, sums);
        m->sums = sums;
    }
    m->rows = m->p.part->desc->ext ? m->p.part->desc->ext(TN_METRIC_ROWS) : NULL;
    m->width = m->rows && m->rows->keeps ? m->rows->keeps(m->p.part->self) : 0;
    return m->sums > 10000000 ? fault("asks for %u sums", m->sums) : NULL;
}

static const char *check_offer(const subject *s, const offer *o)
{
    static meter m;
    static outcome none, whole, other;
    const char *bad = open_meter(&m, s, o);
    if (bad) return bad;
    const tn_ops *real = m.p.graph->be.ops;
    none.sum = memory_new(sizeof *none.sum * (m.sums + 1));
    if ((bad = read_results(&m, &none))) return fault("%s, before any row", bad);
    if ((bad = count(&m, cuts[0], &whole)) || (bad = names_differ(&whole, &none, "before any row"))) return bad;
    for (int i = 0; i < whole.n; i++)
        if (!isfinite(whole.value[i])) return fault("result '%s' is %g", whole.name[i], whole.value[i]);
    if ((bad = count(&m, cuts[0], &other)) || (bad = outcomes_differ(&whole, &other, 1, "the second time"))) return bad;
    m.p.graph->be.ops = random_cuts(real, s->seed);
    bad = count(&m, cuts[0], &other);
    m.p.graph->be.ops = real;
    if (bad || (bad = outcomes_differ(&whole, &other, 1, "when parallel_for is cut otherwise"))) return bad;
    for (int k = 1; k < CUTS; k++)
        if ((bad = count(&m, cuts[k], &other))
            || (bad = outcomes_differ(&whole, &other, 0, "when the split comes in other batches; sums go on from batch to batch")))
            return bad;
    return guard_check();
}

static const char *show(const offer *o, char words[40])
{
    snprintf(words, 40, o->classes ? "%d classes" : "%d wide", (int)(o->classes ? o->classes : o->width));
    return words;
}

const char *check_metric(const subject *s)
{
    static probe once;
    char words[2][40];
    int takes = 0;
    if (s->kind != TN_METRIC || probe_part(&once, s->path, s->kind, s->name, s->options)) return NULL;
    if (part_open(&once.context, once.part)) return once.host.error[0] ? NULL : "cannot be opened, and does not say why";
    process_before(s->path);
    for (int i = 0; i < OFFERS; i++)
        for (int before = 0; before < 2; before++) { /* forbidden pages behind all rows, then before them */
            guard_reset(), guard_before(before);
            const char *bad = check_offer(s, offers[i]);
            if (bad && *bad)
                return fault("%s (output: %s, target: %s)", bad, show(&offers[i][0], words[0]), show(&offers[i][1], words[1]));
            takes += !bad;
        }
    return takes ? process_after() : "refuses every output and target that was offered";
}
