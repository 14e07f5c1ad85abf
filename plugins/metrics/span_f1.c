/* span_f1.c -- precision, recall and F1 of spans (names, chunks) that tags mark, by the rules of conlleval. */
#include <stdlib.h>
#include "../transforms/tag_scheme.h"
#include "decision.h"

typedef struct config { int32_t per_type; } config;
static const tn_option options[] = {
    TN_BOOL(config, per_type, 1, "whether each type of span has results of its own"),
};
/* Sums: three a type, then rightly tagged steps and all steps. */
enum { HIT, SAID, TRUE_, COUNTS };

typedef struct metric {
    decision d;
    span_tag *tag; int32_t *type; int64_t tags;      /* of each class; TYPE is types[type[class]], -1: none        */
    span_tag *types; int64_t n_types;                /* each type by one of its tags, in the order of the classes  */
    char *names; size_t width; int64_t n_names;      /* of results, after the first                               */
} metric;

static void forget(metric *m)
{
    free(m->tag), free(m->type), free(m->types), free(m->names);
    memset(m, 0, sizeof *m);
}

static void close_metric(void *self) { forget(self); }

/* What each class says. Before the data are read no class is known, and there are no types. */
static int read_classes(metric *m, const tn_api *api, tn_host *host, const tn_spec *target)
{
    int64_t n = m->d.classes;
    m->tag = calloc((size_t)n + 1, sizeof *m->tag), m->type = calloc((size_t)n + 1, sizeof *m->type);
    m->types = calloc((size_t)n + 1, sizeof *m->types);
    if (!m->tag || !m->type || !m->types) return api->fail(host, TN_ENOMEM, "span_f1: no memory for the tags");
    if (!target->vocabulary || !n || !api->word(host, target->vocabulary, 0)) return TN_OK;
    for (m->tags = 0; m->tags < n; m->tags++) {
        const char *word = api->word(host, target->vocabulary, m->tags);
        span_tag *t = &m->tag[m->tags];
        if (!word || !tag_read(word, (int64_t)strlen(word), t))
            return tn_fail(api, host, TN_EINVAL, "span_f1: '%s' is no tag of a span: those are O, and B, I, E, S, M, L or U alone or "
                           "with a type, as in B-LOC; accuracy counts tags of any kind", word ? word : "?");
        int32_t k = 0;
        while (k < m->n_types && !same_type(&m->types[k], t)) k++;
        m->type[m->tags] = t->role == TAG_OUT ? -1 : k;
        if (t->role != TAG_OUT && k == m->n_types) m->types[m->n_types++] = *t;
    }
    return TN_OK;
}

static const char *const figures[] = { "precision", "recall", "f1" };

/* precision, recall, tag_accuracy, then LOC.precision, LOC.recall, LOC.f1 ... */
static int make_names(metric *m, const tn_api *api, tn_host *host, int per_type)
{
    for (int64_t k = 0; k < m->n_types; k++)
        if (m->width < (size_t)m->types[k].n) m->width = (size_t)m->types[k].n;
    m->width += 16, m->n_names = 3 + (per_type ? 3 * m->n_types : 0);
    m->names = calloc((size_t)m->n_names, m->width);
    if (!m->names) return api->fail(host, TN_ENOMEM, "span_f1: no memory for the names of results");
    for (int64_t i = 0; i < m->n_names; i++) {
        char *to = m->names + (size_t)i * m->width;
        const span_tag *t = i < 3 ? NULL : &m->types[(i - 3) / 3];
        if (!t) snprintf(to, m->width, "%s", i < 2 ? figures[i] : "tag_accuracy");
        else snprintf(to, m->width, "%.*s%s%s", (int)t->n, t->type, t->n ? "." : "span.", figures[(i - 3) % 3]);
    }
    return TN_OK;
}

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in, const tn_spec *const *in,
                uint32_t *sums)
{
    metric *m = self;
    forget(m);
    int rc = decision_plan(&m->d, api, host, "span_f1", n_in, in, -1);
    if (rc) return rc;
    if (in[TARGET]->layout <= TN_ROOT)
        return api->fail(host, TN_ESHAPE, "span_f1: the target is one class an example; spans need tags, one a step");
    rc = read_classes(m, api, host, in[TARGET]);
    if (!rc) rc = make_names(m, api, host, ((const config *)opts)->per_type);
    *sums = (uint32_t)(COUNTS * m->n_types + 2);
    return rc;
}

static const span_tag outside = { TAG_OUT, "", 0 };
static const span_tag *tag_of(const metric *m, int32_t id) { return id >= 0 && id < m->tags ? &m->tag[id] : &outside; }

/* One sequence: where a true and a said span begin at one step, end at one step and have one type, that is a hit. */
static void count_sequence(const metric *m, const tn_call *c, const tn_layout *l, int32_t s, double *sum)
{
    const int32_t *target = c->in[TARGET]->data;
    const span_tag *before[2] = { &outside, &outside };
    int32_t type[2] = { -1, -1 }, began[2] = { -1, -1 };        /* of the open span of each side; type -1: none is open */
    for (int32_t t = 0; t <= l->length[s]; t++) {
        int ends[2], inside = t < l->length[s];
        int32_t id[2] = { -1, -1 };
        int64_t r = inside ? l->first[t] + s : 0;
        if (inside) id[0] = target[r], id[1] = decide_row(&m->d, c->in[OUTPUT], r), sum[COUNTS * m->n_types] += id[0] == id[1];
        if (inside) sum[COUNTS * m->n_types + 1] += 1;
        const span_tag *now[2] = { tag_of(m, id[0]), tag_of(m, id[1]) };
        for (int k = 0; k < 2; k++) ends[k] = type[k] >= 0 && (now[k]->role == TAG_OUT || span_begins(before[k], now[k]));
        if (ends[0] && ends[1] && type[0] == type[1] && began[0] == began[1]) sum[COUNTS * type[0] + HIT] += 1;
        for (int k = 0; k < 2; k++) {
            if (ends[k]) type[k] = -1;
            if (span_begins(before[k], now[k]))
                type[k] = m->type[id[k]], began[k] = t, sum[COUNTS * type[k] + (k ? SAID : TRUE_)] += 1;
            before[k] = now[k];
        }
    }
}

static int update(void *self, const tn_call *c, double *sum)
{
    const metric *m = self;
    const tn_layout *l = c->in[TARGET]->lay;
    for (int32_t s = 0; s < l->sequences; s++) count_sequence(m, c, l, s, sum);
    return TN_OK;
}

/* precision = hit / said, recall = hit / true, F1 = 2 hit / (said + true); 0 where there is nothing to divide by */
static double figure_of(const double *count, int64_t figure)
{
    double by = figure == 0 ? count[SAID] : figure == 1 ? count[TRUE_] : (count[SAID] + count[TRUE_]) / 2;
    return by > 0 ? count[HIT] / by : 0;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value, int32_t *higher_is_better)
{
    const metric *m = self;
    double all[COUNTS] = { 0, 0, 0 };
    const double *steps = sum + COUNTS * m->n_types;
    if ((int64_t)i > m->n_names) return TN_END;
    for (int64_t k = 0; k < COUNTS * m->n_types; k++) all[k % COUNTS] += sum[k];
    *name = i ? m->names + (i - 1) * m->width : NULL, *higher_is_better = 1;
    if (i == 0) *value = figure_of(all, 2);
    else if (i < 3) *value = figure_of(all, i - 1);
    else if (i == 3) *value = steps[1] > 0 ? steps[0] / steps[1] : 0;
    else *value = figure_of(sum + COUNTS * ((i - 4) / 3), (i - 4) % 3);
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "span_f1",
    .brief = "precision, recall and F1 of the spans that tags mark, as conlleval counts them",
    .doc = "    precision = hits / said    recall = hits / true    F1 = 2 hits / (said + true)\n\n"
           "A hit is a span that was said with its true beginning, end and type. Counted over the whole split;\n"
           "0 where there is nothing to divide by. conlleval prints the same figures times 100.\n\n"
           "Which spans tags mark is decided by the rules of conlleval, which give every sequence of tags a\n"
           "reading, valid or not: a span begins at B and S, behind O, behind E and S, and where the type\n"
           "changes; it lasts until the next begins or an O stands. So BIO, IOB1, BIOES, BMES and BILOU are\n"
           "read alike (M is I, L is E, U is S). conlleval itself knows no S, and does not part an E from a B\n"
           "of the same type behind it.\n\n"
           "The metric's own name stands for F1; further results are `.precision`, `.recall`,\n"
           "`.tag_accuracy` (steps whose tag is right, O included), and for each type `.LOC.precision`,\n"
           "`.LOC.recall`, `.LOC.f1` (tags without a type: `.span.f1`). Behind a loss that decodes, say\n"
           "`input = \"crf.decoded\"`; else the largest value of each step counts.\n\n"
           "Source: Tjong Kim Sang, Buchholz, *Introduction to the CoNLL-2000 Shared Task: Chunking* (2000),\n"
           "and its program conlleval.\n",
    TN_OPTIONS(options), .config_size = sizeof(config), .self_size = sizeof(metric), .close = close_metric };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("span_f1", "1.0", "The Tenon authors", "MIT", "", parts)
