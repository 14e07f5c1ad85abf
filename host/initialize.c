/* initialize.c -- the first values of all parameters: by the user's initializer, the layer's own way, [initialize], or what
 * the layer asked for, the first of these that there is. Random numbers are keyed by the parameter's name.    */
#include <string.h>
#include "../include/tenon/random.h"
#include "graph.h"

/* initializers = { weight = ... } of the layer that the user wrote; a child's are its boss's. */
static config_value *user_initializer(const parameter *w)
{
    const node *n = w->owner;
    while (n->boss) n = n->boss;
    config_value *table = n->table ? config_get(n->table, "initializers") : NULL;
    config_value *v = table ? config_get(table, w->p.name) : NULL;
    if (table) table->used = 1;
    if (v) v->used = 1;
    return v;
}

/* Every key of a layer's `initializers` must name one of its parameters, and its value an initializer. */
static void check_initializers(graph *g, const node *n, config_value *table)
{
    part_context *c = g->context;
    const char **names = arena_new(c->memory, sizeof *names * (size_t)(g->n_parameters + 1));
    int count = 0;
    if (table->type != CONFIG_TABLE) {
        diag_error(c->messages, table->at,
                   "layer '%s' (%s): initializers: expected a table, as in { weight = \"glorot_uniform\" }, got %s",
                   n->name, n->part->type, config_type_name(table->type));
        return;
    }
    for (int i = 0; i < g->n_parameters; i++) {
        const node *of = g->parameter[i]->owner;
        while (of->boss) of = of->boss;
        if (of == n) names[count++] = g->parameter[i]->p.name;
    }
    for (int i = 0; i < table->n; i++) {
        config_value *v = table->item[i];
        int known = 0;
        for (int k = 0; k < count; k++) known |= !strcmp(names[k], v->key);
        part_make(c, TN_INITIALIZER, v, NULL, NULL);
        if (known) continue;
        const char *near = nearest_name(v->key, names, count), *list = "";
        for (int k = 0; k < count; k++) list = arena_print(c->memory, "%s%s%s", list, k ? ", " : "", names[k]);
        if (near)
            diag_error(c->messages, v->key_at,
                       "layer '%s' (%s): initializers: there is no parameter '%s'; did you mean '%s'?",
                       n->name, n->part->type, v->key, near);
        else
            diag_error(c->messages, v->key_at, "layer '%s' (%s): initializers: there is no parameter '%s'; there %s %s",
                       n->name, n->part->type, v->key, count == 1 ? "is" : "are", count ? list : "none");
    }
}

void graph_check_initializers(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const node *n = g->node[i];
        config_value *table = n->table ? config_get(n->table, "initializers") : NULL;
        if (table && !n->boss && !n->unknown) check_initializers(g, n, table);
    }
}

static int fill_blocks(graph *g, parameter *w, tn_part *part, tn_rng rng)
{
    const tn_initializer *init = part->desc->table;
    int64_t blocks = w->p.blocks > 1 ? w->p.blocks : 1, rows = w->rows, width = w->width;
    if (w->p.ndim > 1) rows /= blocks; else width /= blocks;
    for (int64_t b = 0; b < blocks; b++) {
        int rc = init->fill(part->self, &w->p, rows, width, tn_random_fork(rng, (uint64_t)b),
                            g->value + w->offset + b * rows * width);
        if (rc) return rc;
    }
    return 0;
}

/* The user's initializer wins; then the layer's own way; then [initialize]; then what the layer asked for. */
static int initialize(graph *g, parameter *w, config_value *otherwise)
{
    part_context *c = g->context;
    tn_rng rng = tn_random_fork((tn_rng){ g->seed, 0 }, text_hash(w->name));
    config_value *v = user_initializer(w);
    const node *n = w->owner;
    if (!v && n->layer->initialize) {
        int rc = n->layer->initialize(n->part->self, c->api, c->host, w->slot, rng, g->value + w->offset);
        if (rc) return rc < 0 ? rc : 0;
    }
    if (!v) v = otherwise;
    if (!v && w->p.init) v = config_parse_value(c->memory, w->p.init, n->at, c->messages);
    if (!v) return 0;
    tn_part *part = part_make(c, TN_INITIALIZER, v, NULL, NULL);
    if (!part->desc) return host_fail(c->host, TN_EINVAL, "no initializer '%s' for '%s'", part->type ? part->type : "?", w->name);
    int rc = part_open(c, part);
    if (!rc) rc = fill_blocks(g, w, part, rng);
    part_close(part);
    return rc;
}

int graph_initialize(graph *g, config_value *root_initialize)
{
    for (int i = 0; i < g->n_parameters; i++) {
        int rc = initialize(g, g->parameter[i], root_initialize);
        if (rc) return rc;
    }
    return diag_errors(g->context->messages) ? TN_EINVAL : graph_pack(g);
}
