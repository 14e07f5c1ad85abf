/* wiring.c -- the layers of an experiment as a table: what each one reads and gives, and how many parameters it has. */
#include <stdio.h>
#include "../../host/command_line.h"
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

int data_is_there(const experiment *e)
{
    const tn_dataset *d = e->data->dataset->desc->table;
    const char *path;
    if (!TN_HAS(d, file)) return 1;
    for (uint32_t i = 0; !d->file(e->data->dataset->self, i, &path); i++) {
        FILE *f = fopen(path, "rb");
        if (!f) return 0;
        fclose(f);
    }
    return 1;
}

int print_graph(experiment *e, int no_data, int *has_data)
{
    *has_data = !no_data && data_is_there(e);
    int code = *has_data ? read_data(e, 1) : 0;
    if (code) return code;
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
        if (n->unknown) printf("%-20s %-20s %-28s %-40s %12s\n", n->name, n->part->type, reads, "depends on the data", "");
        else printf("%-20s %-20s %-28s %-40s %12lld\n", n->name, n->part->type, reads, shape(e, graph_out(n)),
                    (long long)parameters_of(g, n));
    }
    printf("parameters: %lld\n", (long long)g->values);
    if (!*has_data)
        printf("the data was not read: vocabulary sizes are the largest that the file allows, class counts and the shapes of numbers "
               "are unknown\n");
    return 0;
}
