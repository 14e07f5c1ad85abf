/* inputs.c -- which fields a line must give. Those whose values layers read, whatever losses and metrics compare with; not one that a
 * layer reads only to learn what to say (TN_L_FEEDS); and those that have the steps that another one lies along or within.
 * Where layers read only how long a field is that the network learns, nobody can give it: its length is assumed. */
#include <string.h>
#include "inputs.h"

enum { MOST_STEPS = 1000000 };
enum { READS_VALUES = 1, READS_LENGTHS = 2, READS_TAUGHT = 4 };

/* How layers, not losses, read a field; reader: the first of those that read its lengths. */
static int how_read(const experiment *e, const field *f, const node **reader)
{
    int how = 0;
    for (int i = 0; i < e->graph->n_nodes; i++) {
        const node *n = e->graph->node[i];
        if (n->loss) continue;
        for (int k = 0; k < n->count[G_IN]; k++) {
            if (n->in_node[k]->source != f) continue;
            int as = n->in_lengths[k] ? READS_LENGTHS : !k && n->layer->flags & TN_L_FEEDS ? READS_TAUGHT : READS_VALUES;
            if (as == READS_LENGTHS && !(how & READS_LENGTHS)) *reader = n;
            how |= as;
        }
        for (int k = 0; k < n->count[G_STATE]; k++)
            if (n->state_node[k] && n->state_node[k]->source == f) how |= READS_VALUES;
    }
    return how;
}

static int is_target(const experiment *e, const field *f)
{
    for (int i = 0; i < e->graph->n_heads; i++)
        if (e->graph->head[i].target == f) return 1;
    return 0;
}

static int number_of(const data *d, const field *f)
{
    int i = 0;
    while (d->field[i] != f) i++;
    return i;
}

/* given: [fields] what a line gives. */
static void find_given(const experiment *e, char *given)
{
    const data *d = e->data;
    const node *reader;
    for (int i = 0; i < d->n_fields; i++) {
        const field *f = d->field[i];
        int how = how_read(e, f, &reader);
        given[i] = how & READS_VALUES || (how & READS_LENGTHS && !is_target(e, f));
    }
    for (int i = 0; i < d->n_fields; i++)
        for (int32_t l = d->field[i]->layout; given[i] && l > TN_ROOT; l = d->layout_parent[l]) given[number_of(d, d->layout_of[l])] = 1;
}

int input_columns(experiment *e, const char **column)
{
    char *given = arena_new(&e->memory, (size_t)e->data->n_fields + 1);
    int n = 0;
    find_given(e, given);
    for (int i = 0; i < e->data->n_fields; i++) {
        const field *f = e->data->field[i];
        int known = 0;
        for (int k = 0; k < n; k++) known |= f->column && !strcmp(column[k], f->column);
        if (given[i] && !known && f->column) column[n++] = f->column;
    }
    return n;
}

int assume_steps(experiment *e, int64_t given)
{
    char *by_line = arena_new(&e->memory, (size_t)e->data->n_fields + 1);
    int n = 0;
    find_given(e, by_line);
    for (int i = 0; i < e->data->n_fields; i++) {
        const field *f = e->data->field[i];
        const node *reader = NULL;
        int how = how_read(e, f, &reader);
        if (by_line[i] || !reader || how & READS_TAUGHT || f->layout <= TN_ROOT) continue;
        int owner = number_of(e->data, e->data->layout_of[f->layout]);
        field *steps = e->data->field[owner];
        if (by_line[owner] || e->data->layout_parent[f->layout] != TN_ROOT) continue;
        steps->assumed_steps = given ? given : steps->all_steps;
        if (!steps->assumed_steps)
            return host_fail(&e->host, TN_EINVAL, "layer '%s' makes as many steps as '%s' has, which the network learns and no line "
                             "gives, and training knew no one length of it; say how many: --length N", reader->name, f->name);
        if (steps->assumed_steps > MOST_STEPS)
            return host_fail(&e->host, TN_EINVAL, "--length: %lld steps are too many for layer '%s'; at most %d", (long long)given,
                             reader->name, MOST_STEPS);
        n++;
    }
    return n;
}
