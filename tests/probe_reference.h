/* probe_reference.h -- a layer in a probe, which may hold other parts, against a case of a reference file: what comes out, next
 * states and all gradients, within 1e-5 of the largest number of each. Rows of a reference lie example by example.      */
#ifndef PROBE_REFERENCE_H
#define PROBE_REFERENCE_H
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "../host/checkpoint.h"
#include "../tools/check-plugin/probe.h"
#include "expect.h"

static const int64_t examples[EXAMPLES] = { 4, 2, 7, 1, 6, 0, 3, 5 }; /* the order in which a batch has them           */

static const checkpoint_tensor *reference_given(const checkpoint *f, const char *name, const char *what, const char *of)
{
    char key[200];
    snprintf(key, sizeof key, "%.60s/%.20s%s%.90s", name, what, *of ? "." : "", of);
    return checkpoint_find(f, key);
}

/* The options of `layer { type = "NAME", OPTIONS }`. */
static void reference_options(const char *toml, char *options, size_t size)
{
    const char *from = strchr(toml, ',');
    snprintf(options, size, "%s", from ? from + 1 : "");
    if (strrchr(options, '}')) *strrchr(options, '}') = 0;
}

/* The packed rows of a layout, example by example. */
static int64_t rows_in_order(const tn_layout *l, int32_t *row)
{
    int64_t n = 0;
    for (int64_t e = 0; e < EXAMPLES; e++)
        for (int32_t r = 0; r < EXAMPLES; r++) {
            if (examples[r] != e) continue;
            if (l->id == TN_ROOT) row[n++] = r;
            else for (int32_t s = l->place[r], t = 0; t < l->length[s]; t++) row[n++] = l->first[t] + s;
        }
    return n;
}

/* zero: the reference has zeros alone, else it must not. */
static void compare_reference(const char *name, const char *what, const tn_tensor *t, const checkpoint_tensor *expected, int zero)
{
    int32_t row[64] = { 0 };
    int64_t rows = t->lay ? rows_in_order(t->lay, row) : t->rows, w = t->width, at = 0;
    double far = 0, most = 0, found = 0;
    if (!expected) {
        expect(0, "%s: the reference lacks %s", name, what);
        return;
    }
    int64_t n = 1;
    for (int i = 0; i < expected->ndim; i++) n *= expected->dim[i];
    expect(n == rows * w, "%s: %s has %lld numbers, expected %lld", name, what, (long long)(rows * w), (long long)n);
    for (int64_t i = 0; n == rows * w && i < n; i++) {
        double x = (double)((float *)t->data)[(t->lay ? row[i / w] : i / w) * w + i % w], y = (double)((float *)expected->data)[i];
        double d = isnan(x) ? INFINITY : fabs(x - y);
        if (d > far) far = d, at = i, found = x;
        most = fmax(most, fabs(y));
    }
    expect(far <= 1e-5 * most && (most > 0) == !zero, "%s: %s: number %lld is %.9g, expected %.9g; the largest is %.9g", name, what,
           (long long)at, found, (double)((float *)expected->data)[at], most);
}

static void fill_reference_rows(const tn_tensor *t, const checkpoint_tensor *from)
{
    int32_t row[64];
    int64_t rows = rows_in_order(t->lay, row);
    for (int64_t i = 0; from && i < rows; i++)
        memcpy((float *)t->data + row[i] * t->width, (const float *)from->data + i * t->width, sizeof(float) * (size_t)t->width);
}

static void zero_tensor(const tn_tensor *t)
{
    if (t->data) memset(t->data, 0, sizeof(float) * (size_t)tensor_elements(t));
}

static void zero_child(node *n)
{
    for (int i = 0; i < n->count[G_IN]; i++) zero_tensor(&n->in[i].grad);
    for (int i = 0; i < n->count[G_OUT]; i++) zero_tensor(&n->out[i].grad);
    for (int i = 0; i < n->count[G_STATE]; i++) zero_tensor(&n->state[i].grad), zero_tensor(&n->next[i].grad);
}

/* "part.gru.weight_ih" is "gru.weight_ih" in the reference. */
static slot *parameter_slot(const probe *p, int i, const char **name)
{
    const parameter *w = p->graph->parameter[i];
    *name = strchr(w->name, '.') + 1;
    return &w->owner->param[w->slot];
}

static void reference_backward(probe *p, const checkpoint *f, const char *name)
{
    tensor list[64];
    node *n = p->node;
    int wanted = probe_wanted(p, list, 64);
    for (int i = 0; i < wanted; i++) zero_tensor(&list[i].s->grad);
    for (int i = 0; i < n->n_children; i++) zero_child(n->child[i]);
    fill_reference_rows(&n->out[0].grad, reference_given(f, name, "d_out", ""));
    for (int i = 0; i < n->count[G_NEXT]; i++) fill_reference_rows(&n->next[i].grad, reference_given(f, name, "d_next", n->next[i].name));
    expect(!n->impl->backward(p->part->self, &n->call) && !n->impl->gradient(p->part->self, &n->call), "%s: %s", name, p->host.error);
}

/* Inputs, initial states and parameters become those of the case. */
static void fill_from_reference(probe *p, const checkpoint *f, const char *name)
{
    node *n = p->node;
    char number[16];
    for (int i = 0; i < n->count[G_IN]; i++) {
        snprintf(number, sizeof number, "%d", i);
        const checkpoint_tensor *t = reference_given(f, name, "in", number);
        if (t->dtype == TN_I32) n->in_node[i]->source->split[0].id = t->data;
        else n->in_node[i]->source->split[0].real = t->data;
    }
    for (int i = 0; i < n->count[G_STATE]; i++)
        n->state_node[i]->source->split[0].real = reference_given(f, name, "state", n->state[i].name)->data;
    for (int i = 0; i < p->graph->n_parameters; i++) {
        const char *what;
        slot *s = parameter_slot(p, i, &what);
        const checkpoint_tensor *t = reference_given(f, name, "param", what);
        expect(t != NULL, "%s: the reference lacks %s", name, what);
        if (t) memcpy(s->value.data, t->data, sizeof(float) * (size_t)tensor_elements(&s->value));
    }
}

/* A layer that was opened with the options of the case; `zero` names what is expected to be zeros. */
static void check_reference(probe *p, const checkpoint *f, const char *name, const char *zero)
{
    node *n = p->node;
    char what[32];
    fill_from_reference(p, f, name);
    p->training = 1;
    probe_bind(p, examples, EXAMPLES);
    expect(!probe_forward(p), "%s: forward: %s", name, p->host.error);
    reference_backward(p, f, name);
    compare_reference(name, "out", &n->out[0].value, reference_given(f, name, "out", ""), 0);
    for (int i = 0; i < n->count[G_IN]; i++) {
        snprintf(what, sizeof what, "d_in.%d", i);
        if (n->in_slot[i]->value.dtype == TN_F32)
            compare_reference(name, what, &n->in_slot[i]->grad, reference_given(f, name, what, ""), !strcmp(what, zero));
    }
    for (int i = 0; i < n->count[G_STATE]; i++) {
        compare_reference(name, n->next[i].name, &n->next[i].value, reference_given(f, name, "next", n->next[i].name), 0);
        compare_reference(name, "an initial state's gradient", &n->state_slot[i]->grad, reference_given(f, name, "d_state", n->state[i].name), 0);
    }
    for (int i = 0; i < p->graph->n_parameters; i++) {
        const char *of;
        slot *s = parameter_slot(p, i, &of);
        s->grad.lay = NULL;
        compare_reference(name, of, &s->grad, reference_given(f, name, "d_param", of), 0);
    }
}
#endif
