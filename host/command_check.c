/* command_check.c -- `tenon check` and `tenon explain`: everything short of training. */
#include <stdlib.h>
#include <string.h>
#include "command_line.h"
#include "train.h"

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

static void print_graph(experiment *e)
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
        printf("%-20s %-20s %-28s %-40s %12lld\n", n->name, n->part->type, reads, shape(e, graph_out(n)), (long long)parameters_of(g, n));
    }
    printf("parameters: %lld\n", (long long)g->values);
}

/* Largest memory of training, from the batches of the first epoch. */
static int print_memory(experiment *e)
{
    trainer t;
    int rc = experiment_start(e, 1, 1);
    if (!rc) rc = trainer_open(&t, e, ".");
    if (rc) return failed(e);
    for (int64_t k = 0; k < t.epoch_steps && !rc; k++) {
        int64_t at = k * e->batch_size, n = e->data->count[SPLIT_TRAIN] - at;
        for (int64_t i = 0; i < n && i < e->batch_size; i++) t.order[i] = at + i;
        rc = batch_build(e->graph, t.batch, SPLIT_TRAIN, t.order, (int32_t)(n < e->batch_size ? n : e->batch_size));
        if (!rc) graph_measure(e->graph, t.batch);
    }
    double slots, parameters = graph_bytes(e->graph, &slots);
    double state = 4.0 * (double)e->graph->floats * t.update.slots;
    printf("memory: %.1f MB for parameters and gradients, %.1f MB for the optimizer, %.1f MB for a batch\n", parameters / 1e6,
           state / 1e6, slots / 1e6);
    trainer_close(&t);
    return rc ? failed(e) : EXIT_DONE;
}

static int data_is_there(const experiment *e)
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

int command_check(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "set", "data-dir", "backend", "no-data", NULL };
    arguments a;
    int code = arguments_read(&a, argc, argv, env, allowed, "FILE [--set K=V] [--data-dir D] [--no-data]");
    if (code) return code;
    experiment *e = open_experiment(a.file, &a, env, &code);
    if (!e) return code;
    int has_data = !a.no_data && data_is_there(e);
    if (has_data && (code = read_data(e, 1))) {
        experiment_free(e);
        return code;
    }
    print_graph(e);
    if (has_data) code = print_memory(e);
    else printf("the data was not read: vocabulary sizes are the largest that the file allows, class counts are unknown\n");
    if (code == EXIT_DONE) printf("%s: no mistakes found\n", a.file);
    experiment_free(e);
    return code;
}

int command_explain(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "set", "data-dir", "backend", NULL };
    arguments a;
    int code = arguments_read(&a, argc, argv, env, allowed, "FILE [--set K=V]");
    if (code) return code;
    experiment *e = open_experiment(a.file, &a, env, &code);
    if (!e) return code;
    print_graph(e);
    printf("\n%s", config_document(&e->memory, e->root));
    printf("\n# options of each part, defaults included\n");
    for (int i = 0; i < e->graph->n_nodes; i++) {
        const tn_part *p = e->graph->node[i]->part;
        printf("[%s] # %s, from %s\n", e->graph->node[i]->name, p->type, p->file ? p->file->path : "?");
        const char *row = (const char *)p->desc->options;
        for (uint32_t k = 0; k < p->desc->n_options; k++, row += p->desc->option_size) {
            const tn_option *o = (const tn_option *)(const void *)row;
            printf("%s = %s\n", o->name, options_print(&e->memory, o, p->config));
        }
    }
    experiment_free(e);
    return EXIT_DONE;
}
