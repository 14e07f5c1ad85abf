/* ctc_beam.h -- prefix beam search: the labellings whose alignments, added up, are the most probable. A beginning (prefix)
 * has two logarithms, of its alignments that end in a blank and of those that end in its last label. With a beam that
 * holds every prefix it is exact. Prefixes are nodes of a tree: a label and the node before.                      */
#ifndef CTC_BEAM_H
#define CTC_BEAM_H
#include <math.h>
#include <stdlib.h>

typedef struct ctc_prefix { int32_t node, parent, label; double blank, own; } ctc_prefix; /* node < 0: not made yet */
typedef struct ctc_beam {
    int64_t width, beam, blank, n, nodes;
    ctc_prefix *prefix, *next;             /* [beam]; [beam * width] candidates                                    */
    int32_t *parent, *label;               /* of nodes; node 0 is the empty prefix                                 */
    float *log_p;                          /* [width] of the frame at hand                                         */
} ctc_beam;

static double ctc_add(double a, double b)
{
    double top = a > b ? a : b, low = a > b ? b : a;
    return low == -HUGE_VAL ? top : top + log1p(exp(low - top));
}

static int ctc_beam_open(ctc_beam *b, int32_t frames)
{
    size_t nodes = (size_t)(b->beam * frames + 1);
    b->prefix = malloc(sizeof *b->prefix * (size_t)b->beam), b->next = malloc(sizeof *b->next * (size_t)(b->beam * b->width));
    b->parent = malloc(sizeof *b->parent * nodes), b->label = malloc(sizeof *b->label * nodes);
    b->log_p = calloc((size_t)b->width, sizeof *b->log_p);
    return b->prefix && b->next && b->parent && b->label && b->log_p ? 0 : -1;
}

static void ctc_beam_close(ctc_beam *b) { free(b->prefix), free(b->next), free(b->parent), free(b->label), free(b->log_p); }

static void ctc_beam_begin(ctc_beam *b)
{
    b->n = b->nodes = 1;
    b->parent[0] = b->label[0] = -1;
    b->prefix[0] = (ctc_prefix){ 0, -1, -1, 0, -HUGE_VAL };
}

static double ctc_beam_score(const ctc_beam *b, int64_t k) { return ctc_add(b->prefix[k].blank, b->prefix[k].own); }

/* The more probable first; equal ones by the order of labels, so that the result depends on nothing else. */
static int ctc_by_score(const void *p, const void *q)
{
    const ctc_prefix *a = p, *b = q;
    double x = ctc_add(a->blank, a->own), y = ctc_add(b->blank, b->own);
    if (x != y) return x > y ? -1 : 1;
    if (a->parent != b->parent) return a->parent < b->parent ? -1 : 1;
    return a->label < b->label ? -1 : a->label > b->label;
}

/* One frame: each prefix stays (by a blank, or by its last label again) or grows by a label. A grown one that is in the beam
 * already is added to it. */
static void ctc_beam_frame(ctc_beam *b)
{
    int64_t m = b->n;
    for (int64_t k = 0; k < b->n; k++) {
        const ctc_prefix *p = &b->prefix[k];
        double own = p->label >= 0 ? p->own + (double)b->log_p[p->label] : -HUGE_VAL;
        b->next[k] = (ctc_prefix){ p->node, p->parent, p->label, ctc_add(p->blank, p->own) + (double)b->log_p[b->blank], own };
    }
    for (int64_t k = 0; k < b->n; k++) {
        const ctc_prefix *p = &b->prefix[k];
        int64_t grown = m;
        for (int64_t j = 0; j < b->width; j++) {
            if (j == b->blank) continue;
            double from = j == p->label ? p->blank : ctc_add(p->blank, p->own);
            if (from > -HUGE_VAL)
                b->next[m++] = (ctc_prefix){ -1, p->node, (int32_t)j, -HUGE_VAL, from + (double)b->log_p[j] };
        }
        for (int64_t i = 0; i < b->n; i++) {
            if (b->prefix[i].parent != p->node) continue;
            for (int64_t g = grown; g < m; g++)
                if (b->next[g].label == b->prefix[i].label) {
                    b->next[i].own = ctc_add(b->next[i].own, b->next[g].own);
                    b->next[g] = b->next[--m];
                    break;
                }
        }
    }
    qsort(b->next, (size_t)m, sizeof *b->next, ctc_by_score);
    b->n = m < b->beam ? m : b->beam;
    for (int64_t k = 0; k < b->n; k++) {
        ctc_prefix *p = &b->prefix[k];
        *p = b->next[k];
        if (p->node >= 0) continue;
        p->node = (int32_t)b->nodes++;
        b->parent[p->node] = p->parent, b->label[p->node] = p->label;
    }
}

/* The columns of prefix k; how many. */
static int32_t ctc_beam_path(const ctc_beam *b, int64_t k, int32_t *path)
{
    int32_t n = 0, at = 0;
    for (int32_t i = b->prefix[k].node; i > 0; i = b->parent[i]) n++;
    for (int32_t i = b->prefix[k].node; i > 0; i = b->parent[i]) path[n - ++at] = b->label[i];
    return n;
}
#endif
