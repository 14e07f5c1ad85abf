/* explain.c -- `tenon explain FILE`: the graph, and every value with its source. */
#include <stdio.h>
#include "../host/command_line.h"
#include "shared/wiring.h"

static int explain(int argc, char **argv, const command_env *env)
{
    static const char *const allowed[] = { "set", "data-dir", "backend", "no-data", NULL };
    arguments a;
    int code = arguments_read(&a, argc, argv, env, allowed);
    if (code) return code;
    experiment *e = open_experiment(a.file, &a, env, &code);
    if (!e) return code;
    int has_data;
    if ((code = print_graph(e, a.no_data, &has_data))) {
        experiment_free(e);
        return code;
    }
    printf("\n%s", config_document(&e->memory, e->root, NULL));
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

int main(int argc, char **argv)
{
    return program_main("explain", "FILE [--set K=V] [--data-dir D] [--no-data]", argc, argv, explain);
}
