/* nulls.c -- entries of a call that are NULL, one tensor that stands for two, a gradient that comes in pieces: none may change
 * anything else. What comes out is compared with a run on entries of zeros, on tensors apart, on the whole.          */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "checks.h"

static const int64_t all_examples[] = { 0, 1, 2, 3, 4, 5, 6, 7 };

/* ---- snapshots ------------------------------------------------------------------------------------------- */
static void add_tensor(snapshot *s, int kind, const char *what, const tn_tensor *t)
{
    if (!t->data || s->n == MOST_SNAPS) return;
    int64_t n = tensor_elements(t);
    float *v = memory_new(sizeof *v * (size_t)(n + 1));
    memcpy(v, t->data, sizeof *v * (size_t)n);
    s->kind[s->n] = kind, s->what[s->n] = what, s->elements[s->n] = n, s->v[s->n++] = v;
}

const char *snapshot_run(probe *p, snapshot *s)
{
    tensor list[64];
    s->n = 0;
    if (probe_forward(p) || probe_backward(p, 0))
        return fault("a phase failed: %s", p->host.error[0] ? p->host.error : "it gave no message");
    int n = probe_results(p, list, 32);
    for (int k = 0; k < n; k++)
        add_tensor(s, list[k].what[0] == '.' ? SNAP_NEXT : SNAP_OUT, list[k].what, &list[k].s->value);
    n = probe_wanted(p, list, 64);
    for (int k = 0; k < n; k++)
        add_tensor(s, list[k].is_parameter ? SNAP_PARAM : strncmp(list[k].what, "initial ", 8) ? SNAP_IN : SNAP_STATE,
                   arena_print(&p->memory, "the gradient of %s", list[k].what), &list[k].s->grad);
    return guard_check();
}

const char *snapshot_differs(const snapshot *a, const snapshot *b, int kinds, double tolerance, const char *how)
{
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < b->n; k++) {
            if (!(a->kind[i] & kinds) || a->kind[i] != b->kind[k] || strcmp(a->what[i], b->what[k])) continue;
            for (int64_t j = 0; j < a->elements[i]; j++) {
                double x = (double)a->v[i][j], y = (double)b->v[k][j];
                if (tolerance > 0 ? x != y && !(fabs(x - y) <= tolerance * (1 + fabs(x))) : memcmp(&a->v[i][j], &b->v[k][j], sizeof(float)))
                    return fault("%s is %.9g, and %.9g %s", a->what[i], x, y, how);
            }
        }
    return NULL;
}

/* ---- NULL entries ---------------------------------------------------------------------------------------- */
enum { D_IN = 1, D_PARAM = 2, D_STATE = 4, STATE = 8, NEXT = 16, D_OUT = 32 };

/* Binds all examples, with these entries zero or NULL. */
static void entries(probe *p, int null, int zero)
{
    node *n = p->node;
    p->training = 1, p->zero_d_next = zero & NEXT, p->zero_d_out = zero & D_OUT;
    probe_bind(p, all_examples, EXAMPLES);
    for (int i = 0; i < n->count[G_IN] && null & D_IN; i++) n->at_d_in[i] = NULL;
    for (int i = 0; i < n->count[G_PARAM] && null & D_PARAM; i++) n->at_d_param[i] = NULL;
    for (int i = 0; i < n->count[G_OUT] && null & D_OUT; i++) n->at_d_out[i] = NULL;
    for (int i = 0; i < n->count[G_STATE]; i++) {
        tn_tensor *state = n->at_state[i];
        if (state && zero & STATE) memset(state->data, 0, sizeof(float) * (size_t)tensor_elements(state));
        if (null & (STATE | D_STATE)) n->at_d_state[i] = NULL;
        if (null & STATE) n->at_state[i] = NULL;
        if (null & NEXT) n->at_next[i] = n->at_d_next[i] = NULL;
    }
}

static const char *check_null(const subject *s)
{
    static const struct { int null, zero, same; const char *how; } test[] = {
        { D_IN, 0, SNAP_ALL & ~SNAP_IN, "when d_in is NULL" }, { D_PARAM, 0, SNAP_ALL & ~SNAP_PARAM, "when d_param is NULL" },
        { D_STATE, 0, SNAP_ALL & ~SNAP_STATE, "when d_state is NULL" },
        { STATE, STATE, SNAP_ALL & ~SNAP_STATE, "when state is NULL, which means zeros" },
        { NEXT, NEXT, SNAP_ALL & ~SNAP_NEXT, "when next and d_next are NULL: not wanted, zeros" },
        { D_OUT, D_OUT, SNAP_ALL, "when d_out is NULL, which means zeros" },
        { D_IN | D_STATE | STATE | NEXT, STATE | NEXT, SNAP_OUT | SNAP_PARAM, "when all is NULL that may be" } };
    probe p;
    snapshot full, without;
    if (probe_open(&p, s->path, s->kind, s->name, s->options, s->offer, s->n))
        return fault("cannot be opened a second time: %s", p.host.error);
    for (size_t k = 0; k < sizeof test / sizeof *test; k++) {
        const char *bad;
        entries(&p, 0, test[k].zero);
        if ((bad = snapshot_run(&p, &full))) return bad;
        entries(&p, test[k].null, test[k].zero);
        if ((bad = snapshot_run(&p, &without))) return fault("%s, %s", bad, test[k].how);
        if ((bad = snapshot_differs(&full, &without, test[k].same, 1e-5, test[k].how))) return bad;
    }
    return NULL;
}

/* ---- one tensor as two inputs ---------------------------------------------------------------------------- */
static int alike(const offer *a, const offer *b)
{
    return a->layout == b->layout && a->width == b->width && !a->classes && !b->classes && a->means == b->means;
}

static int find_twins(const subject *s, int *i, int *j)
{
    for (*i = 0; *i < s->n; ++*i)
        for (*j = *i + 1; *j < s->n; ++*j)
            if (alike(&s->offer[*i], &s->offer[*j])) return s->kind == TN_LAYER;
    return 0;
}

static const char *check_twins(const subject *s)
{
    probe apart, one;
    snapshot a, b;
    int i, j;
    const char *bad;
    if (!find_twins(s, &i, &j)) return NULL;
    if (probe_open(&apart, s->path, s->kind, s->name, s->options, s->offer, s->n)
        || probe_open(&one, s->path, s->kind, s->name, s->options, s->offer, s->n)) return "cannot be opened a second time";
    apart.node->in_node[j]->source->split[0] = apart.node->in_node[i]->source->split[0];
    one.node->in_node[j] = one.node->in_node[i], one.node->in_slot[j] = one.node->in_slot[i];
    probe_bind(&apart, all_examples, EXAMPLES), probe_bind(&one, all_examples, EXAMPLES);
    if ((bad = snapshot_run(&apart, &a)) || (bad = snapshot_run(&one, &b))) return bad;
    int first = 0; /* gradients of inputs come in order */
    while (first < a.n && a.kind[first] != SNAP_IN) first++;
    if (first + j >= a.n || first + i >= b.n) return "has no gradient of an input that wants one";
    for (int64_t k = 0; k < a.elements[first + i]; k++) {
        double sum = (double)a.v[first + i][k] + (double)a.v[first + j][k], got = (double)b.v[first + i][k];
        if (!(fabs(sum - got) <= 1e-4 * (1 + fabs(sum))))
            return fault("where inputs %d and %d are one tensor, its gradient is %g, not the sum %g of both; "
                         "add one product at a time", i + 1, j + 1, got, sum);
    }
    return snapshot_differs(&a, &b, SNAP_ALL & ~SNAP_IN, 1e-5, "when two inputs are one tensor");
}

/* ---- a gradient in pieces -------------------------------------------------------------------------------- */
static const char *check_columns(const subject *s)
{
    probe p;
    snapshot whole, pieces;
    const char *bad;
    if (probe_open(&p, s->path, s->kind, s->name, s->options, s->offer, s->n)) return "cannot be opened a second time";
    if (!(p.node->uses & TN_BY_COLUMNS)) return NULL;
    for (p.set = 0; p.set < 2; p.set++) {
        if (p.set && !(p.node->layer->flags & TN_L_SETS)) break;
        probe_bind(&p, all_examples, EXAMPLES);
        p.piece = 0;
        if ((bad = snapshot_run(&p, &whole))) return bad;
        for (p.piece = 1; p.piece < 4; p.piece++) {
            if ((bad = snapshot_run(&p, &pieces))) return fault("%s, in pieces of columns", bad);
            if ((bad = snapshot_differs(&whole, &pieces, SNAP_ALL, 0, "when it comes in pieces of columns"))) return bad;
        }
    }
    return NULL;
}

const check null_checks[] = {
    { "entries that are NULL", check_null }, { "one tensor as two inputs", check_twins },
    { "a gradient in pieces", check_columns }, { NULL, NULL } };
