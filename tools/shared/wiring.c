/* wiring.c -- the layers of an experiment as a table: what each one reads and gives, and how many parameters it has. */
#include <stdio.h>
#include "wiring.h"

/* "N x 128, a step of text": rows by layout, width. */
static const char *shape(experiment *e, const tn_spec *s)
{
    const char *rows = "one row an example";
    for (int i = 0; i < e->data->n_fields; i++)
        if (s->layout > TN_ROOT && e->data->field[i]->layout == s->layout) {
            rows = arena_print(&e->memory, "one row a step of '%s'", e->data->field[i]->name);
            break;
        }
    if (s->layout > e->data->n_layouts) rows = "rows of a layout of its own";
    return arena_print(&e->memory, "%lld wide, %s", (long long)s->width, rows);
}

static int64_t parameters_of(const graph *g, const node *n)
{
    int64_t sum = 0;
    for (int i = 0; i < g->n_parameters; i++) {
        const node *k = g->parameter[i]->owner;
        while (k->boss) k = k->boss;
        if (k == n) sum += g->parameter[i]->rows * g->parameter[i]->width;
    }
    return sum;
}

void print_graph(experiment *e)
{
    graph *g = e->graph;
    printf("%-20s %-20s %-28s %-40s %12s\n", "name", "type", "reads", "gives", "parameters");
    for (int i = 0; i < e->data->n_fields; i++) {
        field *f = e->data->field[i];
        const char *size = f->spec.classes ? arena_print(&e->memory, ", %lld values", (long long)f->spec.classes) : "";
        printf("%-20s %-20s %-28s %s%s\n", f->name, "field", f->column ? f->column : "", shape(e, &f->spec), size);
    }
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        const char *reads = "";
        for (int k = 0; k < n->count[G_IN]; k++) reads = arena_print(&e->memory, "%s%s%s", reads, k ? ", " : "", n->in[k].name);
        printf("%-20s %-20s %-28s %-40s %12lld\n", n->name, n->part->type, reads, shape(e, graph_out(n)),
               (long long)parameters_of(g, n));
    }
    printf("parameters: %lld\n", (long long)g->values);
}
