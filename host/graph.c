/* graph.c -- reads [[layer]] and [[loss]], finds what each one reads, puts them in order and has them plan. */
#include <stdio.h>
#include <string.h>
#include "graph.h"
#include "plan.h"


const tn_spec *graph_out(const node *n) { return &n->out[0].spec; }

/* ---- names -------------------------------------------------------------------------------------------- */
static node *find_node(const graph *g, const char *name, size_t n)
{
    for (int i = 0; i < g->data->n_fields; i++)
        if (strlen(g->field_node[i]->name) == n && !memcmp(g->field_node[i]->name, name, n)) return g->field_node[i];
    for (int i = 0; i < g->n_nodes; i++)
        if (strlen(g->node[i]->name) == n && !memcmp(g->node[i]->name, name, n)) return g->node[i];
    return NULL;
}

/* The port of a node, or NULL. Ports of a part that does not exist cannot be known: its first slot stands in. */
static slot *find_port(node *n, const char *port)
{
    if (n->unknown) return &n->out[0];
    for (int i = 0; i < n->count[G_OUT]; i++)
        if (n->out[i].name && !strcmp(n->out[i].name, port)) return &n->out[i];
    for (int i = 0; i < n->count[G_NEXT]; i++)
        if (n->next[i].name && !strcmp(n->next[i].name, port)) return &n->next[i];
    if (n->layer && n->layer->decode && !strcmp(port, "decoded")) return &n->decoded;
    return NULL;
}

slot *graph_find(graph *g, const char *name, node **of)
{
    const char *dot = strchr(name, '.');
    size_t len = dot ? (size_t)(dot - name) : strlen(name);
    node *n = find_node(g, name, len);
    if (of) *of = n;
    if (!n) return NULL;
    return dot ? find_port(n, dot + 1) : &n->out[0];
}

const char *graph_nearest(graph *g, const char *name)
{
    int n = 0, most = g->data->n_fields + g->n_nodes * (1 + MAX_STATE);
    const char **all = arena_new(g->memory, sizeof *all * (size_t)most);
    for (int i = 0; i < g->data->n_fields; i++) all[n++] = g->field_node[i]->name;
    for (int i = 0; i < g->n_nodes; i++) {
        node *k = g->node[i];
        all[n++] = k->name;
        for (int j = 0; j < k->count[G_NEXT]; j++) all[n++] = arena_print(g->memory, "%s.%s", k->name, k->next[j].name);
    }
    return nearest_name(name, all, n);
}

/* ---- reading the tables --------------------------------------------------------------------------------- */
static const char *const layer_keys[] = { "name", "type", "inputs", "initializers", "before", "after", NULL };
static const char *const loss_keys[] = { "name", "type", "input", "target", "weight", "reduction", "before", "after", NULL };

/* The caller's keys and those that the part and its table add: named ports, initial_<state>. */
static const char *const *host_keys(graph *g, uint32_t kind, config_value *table, const char *const *base)
{
    int n = 0;
    const char **keys = arena_new(g->memory, sizeof *keys * (size_t)(32 + table->n));
    for (; base[n]; n++) keys[n] = base[n];
    config_value *type = config_get(table, "type");
    if (kind == TN_LAYER && type && type->type == CONFIG_STRING && !strchr(type->text, '/')) { /* part_make refuses a file */
        char error[512];
        const plugin_file *f = registry_find(g->context->plugins, kind, type->text, error, sizeof error);
        const tn_layer *layer = f ? f->desc->table : NULL;
        const char *row = layer ? (const char *)layer->ports : NULL;
        for (uint32_t i = 0; row && i < layer->n_ports && i < 16; i++, row += layer->port_size)
            keys[n++] = ((const tn_port *)(const void *)row)->name;
    }
    for (int i = 0; i < table->n; i++)
        if (!strncmp(table->item[i]->key, "initial_", 8)) keys[n++] = table->item[i]->key;
    return keys;
}

static void read_tables(graph *g, config_value *root, const char *key, uint32_t kind, const char *const *keys)
{
    diag *d = g->context->messages;
    config_value *list = config_get(root, key);
    if (!list) {
        diag_error(d, root->at, "there is no [[%s]]", key);
        return;
    }
    list->used = 1;
    if (list->type == CONFIG_TABLE) {
        diag_error(d, list->at, "[%s] is one table; write [[%s]], one for each", key, key);
        return;
    }
    if (list->type != CONFIG_ARRAY || !list->n) {
        diag_error(d, list->at, "%s: expected tables, [[%s]], got %s", key, key,
                   list->type == CONFIG_ARRAY ? "none" : config_type_name(list->type));
        return;
    }
    for (int i = 0; i < list->n; i++) {
        config_value *t = list->item[i];
        if (t->type != CONFIG_TABLE) {
            diag_error(d, t->at, "[[%s]] must be a table, this is %s", key, config_type_name(t->type));
            continue;
        }
        t->used = 1;
        int before = diag_errors(d);
        tn_part *part = part_make(g->context, kind, t, NULL, host_keys(g, kind, t, keys));
        node *n = node_new(g, part, config_text(t, "name", part->type ? part->type : key, d));
        n->table = t, n->at = t->at;
        n->unknown = !part->desc || diag_errors(d) > before; /* then its shapes mean nothing */
        n->loss = kind == TN_LOSS && part->desc ? part->desc->table : NULL;
        node *twin = find_node(g, n->name, strlen(n->name));
        if (twin)
            diag_error(d, n->at, "two parts are called '%s' (the other at line %d); give one of them a `name`",
                       n->name, twin->at.line), n->unknown = twin->unknown = 1;
        if (strchr(n->name, '.')) diag_error(d, n->at, "the name '%s' has a dot, which marks a port", n->name);
        g->node[g->n_nodes++] = n;
    }
}

static void list_length(config_value *root, const char *key, int *n)
{
    config_value *v = config_get(root, key);
    *n += v && v->type == CONFIG_ARRAY ? v->n : 0;
}

/* ---- wiring ------------------------------------------------------------------------------------------- */
static slot *resolve(graph *g, node *reader, where at, const char *name, node **of)
{
    diag *d = g->context->messages;
    slot *s = graph_find(g, name, of);
    if (*of == reader) {
        diag_error(d, at, "'%s' reads itself", reader->name);
        *of = NULL;
        return NULL;
    }
    if (!*of) {
        const char *near = graph_nearest(g, name), *dot = strchr(name, '.');
        if (!near && dot && (near = graph_nearest(g, arena_print(g->memory, "%.*s", (int)(dot - name), name))))
            near = arena_print(g->memory, "%s%s", near, dot);
        if (near) diag_error(d, at, "'%s' reads '%s', which does not exist; did you mean '%s'?", reader->name, name, near);
        else diag_error(d, at, "'%s' reads '%s': there is no such field, layer or port", reader->name, name);
    }
    return s;
}

static void wire(node *n, where at, const char *name)
{
    int i = n->count[G_IN];
    if (i == MAX_IN) {
        diag_error(n->owner->context->messages, at, "'%s' has more than %d inputs", n->name, MAX_IN);
        return;
    }
    node *of = NULL;
    resolve(n->owner, n, at, name, &of);
    n->in_node[i] = of; /* NULL: told */
    n->in[i].name = name;
    n->count[G_IN]++;
    if (!of) n->unknown = 1;
}

/* Layers: `inputs`, else the layer before, else the only text field; then named ports. */
static void wire_layer(graph *g, int i)
{
    node *n = g->node[i];
    diag *d = g->context->messages;
    config_value *inputs = config_get(n->table, "inputs");
    if (inputs) {
        int count;
        const char **names = config_texts(g->memory, n->table, "inputs", &count, d);
        for (int k = 0; k < count; k++)
            wire(n, inputs->type == CONFIG_ARRAY ? inputs->item[k]->at : inputs->at, names[k]);
        if (!count) n->unknown = 1;
    } else if (i > 0) {
        wire(n, n->at, g->node[i - 1]->name);
    } else {
        const char *only = NULL;
        int texts = 0;
        for (int k = 0; k < g->data->n_fields; k++)
            if (g->data->field[k]->kind == FIELD_TEXT) only = g->data->field[k]->name, texts++;
        if (texts == 1) wire(n, n->at, only);
        else diag_error(d, n->at, "the first layer must say what it reads: inputs = \"...\""), n->unknown = 1;
    }
    if (n->unknown || !n->part->desc) return;
    const tn_layer *layer = n->part->desc->table;
    uint32_t have = (uint32_t)n->count[G_IN];
    if (have < layer->min_in || have > layer->max_in) {
        if (layer->min_in == layer->max_in)
            diag_error(d, n->at, "'%s' (%s) has %u inputs; it takes %u", n->name, n->part->type, have, layer->min_in);
        else
            diag_error(d, n->at, "'%s' (%s) has %u inputs; it takes %u to %u", n->name, n->part->type, have, layer->min_in, layer->max_in);
        n->unknown = 1;
    }
    const char *row = (const char *)layer->ports;
    for (uint32_t k = 0; row && k < layer->n_ports; k++, row += layer->port_size) {
        const tn_port *port = (const tn_port *)(const void *)row;
        config_value *v = config_get(n->table, port->name);
        int at = n->count[G_IN];
        if (v) wire(n, v->at, config_text(n->table, port->name, "", d));
        if (v && at < MAX_IN) n->in_lengths[at] = (port->flags & TN_PORT_LENGTHS) != 0;
        else if (!v && !port->optional) diag_error(d, n->at, "'%s' (%s) needs %s = \"...\"", n->name, n->part->type, port->name), n->unknown = 1;
    }
}

/* initial_<state> = "layer": which states exist is known only once the layer is planned. */
static void wire_states(node *n)
{
    diag *d = n->owner->context->messages;
    for (int i = 0; i < n->table->n; i++) {
        config_value *v = n->table->item[i];
        if (strncmp(v->key, "initial_", 8)) continue;
        int k = 0;
        while (k < n->count[G_STATE] && strcmp(n->state[k].name, v->key + 8)) k++;
        if (k == n->count[G_STATE]) {
            diag_error(d, v->key_at, "'%s' (%s): %s: there is no state '%s'", n->name, n->part->type, v->key, v->key + 8);
            continue;
        }
        node *of = NULL;
        const char *name = config_text(n->table, v->key, "", d);
        slot *s = resolve(n->owner, n, v->at, name, &of);
        if (!s || of->unknown) continue;
        if (s->spec.layout != n->state[k].spec.layout || s->spec.width != n->state[k].spec.width) {
            diag_error(d, v->at, "'%s': %s needs %lld values for each sequence, '%s' gives %lld%s", n->name, v->key,
                       (long long)n->state[k].spec.width, name, (long long)s->spec.width,
                       s->spec.layout != n->state[k].spec.layout ? " on rows of another layout" : "");
            continue;
        }
        n->state_node[k] = of, n->state_slot[k] = s;
    }
}

/* initial_<state> = "other" or a port of it. */
static int starts_from(const node *n, const node *other)
{
    size_t len = strlen(other->name);
    for (int i = 0; i < n->table->n; i++) {
        const config_value *v = n->table->item[i];
        if (!strncmp(v->key, "initial_", 8) && v->type == CONFIG_STRING && !strncmp(v->text, other->name, len)
            && (!v->text[len] || v->text[len] == '.')) return 1;
    }
    return 0;
}

/* The only layer that nobody reads; NULL and *heads where there are several. */
static node *last_layer(const graph *g, int *heads)
{
    node *last = NULL;
    *heads = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        if (n->part->kind != TN_LAYER) continue;
        int read = 0;
        for (int k = 0; k < g->n_nodes && !read; k++) {
            node *r = g->node[k];
            if (r->part->kind != TN_LAYER) continue;
            for (int j = 0; j < r->count[G_IN]; j++) read |= r->in_node[j] == n;
            read |= starts_from(r, n);
        }
        if (!read) last = n, ++*heads;
    }
    return *heads == 1 ? last : NULL;
}

/* Whether every layer reads what it should: a wrong name in one leaves others unread. */
static int wired(const graph *g)
{
    int layers = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        if (g->node[i]->part->kind != TN_LAYER) continue;
        layers++;
        if (g->node[i]->unknown) return 0;
    }
    return layers > 0;
}

static void wire_loss(graph *g, node *n)
{
    diag *d = g->context->messages;
    int heads;
    node *last = last_layer(g, &heads);
    config_value *input = config_get(n->table, "input"), *target = config_get(n->table, "target");
    if (input) wire(n, input->at, config_text(n->table, "input", "", d));
    else if (last) wire(n, n->at, last->name);
    else {
        if (wired(g) && heads) diag_error(d, n->at, "%d layers are read by nobody; say which one '%s' is for: input = \"...\"", heads, n->name);
        n->unknown = 1;
    }
    int alone = n->loss && n->loss->layer->max_in < 2; /* a penalty on what it reads */
    if (target && alone) {
        diag_error(d, target->at, "'%s' (%s) compares with nothing; leave target out", n->name, n->part->type);
        config_text(n->table, "target", "", d);
    } else if (target) wire(n, target->at, config_text(n->table, "target", "", d));
    else if (!alone) {
        diag_error(d, n->at, "'%s' needs the field that it compares with: target = \"...\"", n->name);
        n->unknown = 1;
    }
    head *h = &g->head[g->n_heads];
    if (g->n_heads == 8) {
        diag_error(d, n->at, "there are more than 8 losses");
        return;
    }
    g->n_heads++;
    h->loss = n;
    h->weight = config_real(n->table, "weight", 1, -MOST_WEIGHT, MOST_WEIGHT, d);
    h->target = n->count[G_IN] > 1 && n->in_node[1] ? n->in_node[1]->source : NULL;
    static const char *const names[REDUCTIONS] = { REDUCTION_NAMES };
    const char *how = config_text(n->table, "reduction", "mean", d);
    for (unsigned i = 0; i < REDUCTIONS; i++)
        if (!strcmp(how, names[i])) {
            h->reduction = i;
            return;
        }
    diag_error(d, config_get(n->table, "reduction")->at, "reduction: '%s' is none of mean, sum, sum_steps_mean_batch, "
               "mean_steps_mean_batch", how);
}

/* Losses that compare with a target come first: what a network says is the input of the first one. */
static void put_targets_first(graph *g)
{
    head sorted[8];
    int n = 0;
    for (int alone = 0; alone < 2; alone++) {
        for (int i = 0; i < g->n_heads; i++) {
            const tn_loss *loss = g->head[i].loss->loss;
            if ((loss && loss->layer->max_in < 2) == alone) sorted[n++] = g->head[i];
        }
        if (!alone) g->n_targets = n;
    }
    memcpy(g->head, sorted, sizeof *sorted * (size_t)n);
}

/* ---- order: inputs first, else as in the file --------------------------------------------------------- */
static int depends(const node *n, const graph *g, const char *done)
{
    for (int j = 0; j < g->n_nodes; j++) {
        if (done[j]) continue;
        const node *other = g->node[j];
        for (int i = 0; i < n->count[G_IN]; i++)
            if (n->in_node[i] == other) return 1;
        if (other != n && starts_from(n, other)) return 1;
    }
    return 0;
}

static void put_in_order(graph *g)
{
    node **sorted = arena_new(g->memory, sizeof *sorted * (size_t)(g->n_nodes + 1));
    char *done = arena_new(g->memory, (size_t)g->n_nodes + 1);
    int n = 0;
    for (int more = 1; more; ) {
        more = 0;
        for (int i = 0; i < g->n_nodes && !more; i++)
            if (!done[i] && !depends(g->node[i], g, done)) sorted[n++] = g->node[i], done[i] = 1, more = 1;
    }
    if (n < g->n_nodes) {
        char text[512] = "";
        size_t at = 0;
        where place = { NULL, 0, 0 };
        for (int i = 0; i < g->n_nodes; i++)
            if (!done[i]) {
                if (!at) place = g->node[i]->at;
                at += (size_t)snprintf(text + at, sizeof text - at, "%s'%s'", at ? ", " : "", g->node[i]->name);
                if (at >= sizeof text) at = sizeof text - 1;
                sorted[n++] = g->node[i];
            }
        for (int i = 0; i < n; i++) sorted[i]->unknown = 1; /* who is read by whom is not clear */
        diag_error(g->context->messages, place, "these read each other in a cycle: %s", text);
    }
    g->node = sorted;
}

/* ---- planning ----------------------------------------------------------------------------------------- */
/* "'encoder' (256 wide, one row a step of 'text')", for messages about shapes. */
static const char *describe_input(graph *g, const node *n, int i)
{
    const slot *s = n->in_slot[i];
    const char *rows = "one row an example";
    for (int k = 0; k < g->data->n_fields; k++)
        if (s->spec.layout != TN_ROOT && g->data->field[k]->layout == s->spec.layout && !g->data->field[k]->along) {
            rows = arena_print(g->memory, "one row a step of '%s'", g->data->field[k]->name);
            break;
        }
    return arena_print(g->memory, "'%s' (%lld wide, %s)", n->in[i].name, (long long)s->spec.width, rows);
}

static void plan_node(graph *g, node *n, const graph *other)
{
    const tn_spec *in[MAX_IN];
    const char *reads = "";
    for (int i = 0; i < n->count[G_IN]; i++) {
        if (!n->in_node[i] || n->in_node[i]->unknown) {
            n->unknown = 1;
            break;
        }
        node *of;
        n->in_slot[i] = graph_find(g, n->in[i].name, &of);
        if (!n->in_slot[i]) {
            const char *near = graph_nearest(g, n->in[i].name);
            diag_error(g->context->messages, n->at, "'%s' reads '%s', but '%s' has no such port%s%s%s", n->name,
                       n->in[i].name, of->name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
            n->unknown = 1;
            break;
        }
        in[i] = &n->in_slot[i]->spec;
        reads = arena_print(g->memory, "%s%s%s", reads, i ? " and " : "", describe_input(g, n, i));
    }
    if (n->unknown) return;
    int rc = node_plan(n, (uint32_t)n->count[G_IN], in);
    if (rc) {
        const node *there = other ? find_node(other, n->name, strlen(n->name)) : NULL;
        n->unknown = 1;
        if (there && !there->unknown) return;
        const char *why = g->context->host->error, *type = n->part->type;
        size_t len = strlen(type);
        if (!strncmp(why, type, len) && !strncmp(why + len, ": ", 2)) why += len + 2; /* the type is named already */
        diag_error(g->context->messages, n->at, "%s '%s'%s%s%s: %s; it reads %s", kind_name(n->part->kind), n->name,
                   strcmp(n->name, type) ? " (" : "", strcmp(n->name, type) ? type : "", strcmp(n->name, type) ? ")" : "",
                   why[0] ? why : "planning failed without a message", reads);
        return;
    }
    const tn_spec *target = n->loss && n->count[G_IN] > 1 && in[1]->classes ? in[1] : NULL;
    if (!n->decoded.spec.dtype) /* the part did not say */
        n->decoded.spec = (tn_spec){ .dtype = TN_I32, .means = TN_IDS, .layout = n->count[G_IN] ? in[0]->layout : TN_FIXED, .width = 1,
                                     .classes = target ? target->classes : n->count[G_IN] ? in[0]->width : 1,
                                     .vocabulary = target ? target->vocabulary : 0 };
    n->decoded.name = "decoded";
    wire_states(n);
    if (n->layer->flags & TN_L_LAST)
        for (int i = 0; i < n->count[G_IN]; i++)
            if (n->in_node[i]->layer && (n->in_node[i]->layer->flags & TN_L_REVERSE) && n->in_slot[i] == &n->in_node[i]->out[0])
                diag_warning(g->context->messages, n->at,
                             "'%s' reads the last row of '%s', where its backward half has seen one step only; "
                             "'%s.state' has both halves after all steps", n->name, n->in_node[i]->name, n->in_node[i]->name);
}

/* The last reader of a slot is the first to add to its gradient: it may set it, where it can and reads it once. */
static void find_setters(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        if (n->unknown) continue;
        slot *first = n->count[G_IN] ? n->in_slot[0] : NULL;
        int times = 0;
        for (int k = 0; k < n->count[G_IN]; k++) times += n->in_slot[k] == first, n->in_slot[k]->set_by = NULL;
        for (int k = 0; k < n->count[G_STATE]; k++)
            if (n->state_slot[k]) times += n->state_slot[k] == first, n->state_slot[k]->set_by = NULL;
        if (times == 1 && n->layer->flags & TN_L_SETS && n->out[0].wants_gradient && first->wants_gradient) first->set_by = n;
    }
}

/* Columns of a gradient that is made in pieces: a multiple of 32, as ops ask for, and wide enough that a piece is work for
 * all threads. */
enum { PIECE = 2048 };

static int times_read(const graph *g, const slot *s)
{
    int times = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        const node *n = g->node[i];
        for (int k = 0; k < n->count[G_IN]; k++) times += n->in_slot[k] == s;
        for (int k = 0; k < n->count[G_STATE]; k++) times += n->state_slot[k] == s;
    }
    return times;
}

/* A wide output that one loss alone reads, as the logits of a vocabulary: where both parts can, its gradient is made and used
 * in pieces of columns, and never lies there as a whole. */
static void find_pieces(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        slot *s = &n->out[0];
        const node *by = s->set_by;
        s->piece = 0;
        if (n->unknown || n->loss || !(n->uses & TN_BY_COLUMNS) || n->count[G_OUT] != 1) continue;
        if (!by || !by->loss || !(by->uses & TN_BY_COLUMNS) || by->trainable || times_read(g, s) != 1) continue;
        if (s->spec.width >= 2 * PIECE) s->piece = PIECE;
    }
}

/* Which slots need gradients, and which are read by whom. */
static void trace(graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        if (n->unknown) continue;
        int wants = n->trainable;
        n->feeds = (n->layer->flags & TN_L_FEEDS) != 0;
        for (int k = 0; k < n->count[G_IN]; k++) {
            slot *s = n->in_slot[k];
            wants |= s->wants_gradient;
            n->feeds |= n->in_node[k]->feeds;
            s->read = 1;
            if (n->loss || !(n->layer->flags & TN_L_INDEXED)) s->read_plain = 1;
        }
        for (int k = 0; k < n->count[G_STATE]; k++)
            if (n->state_slot[k]) {
                wants |= n->state_slot[k]->wants_gradient;
                n->feeds |= n->state_node[k]->feeds;
                n->state_slot[k]->read = n->state_slot[k]->read_plain = 1;
            }
        for (int k = 0; k < n->count[G_OUT]; k++) n->out[k].wants_gradient = wants && n->out[k].spec.dtype == TN_F32;
        for (int k = 0; k < n->count[G_NEXT]; k++) n->next[k].wants_gradient = wants;
        if (n->loss) n->out[0].gradient_comes = n->out[0].wants_gradient;
    }
    for (int i = 0; i < g->n_nodes; i++) {
        node *n = g->node[i];
        if (n->unknown) continue;
        for (int k = 0; k < n->count[G_IN]; k++) n->in_slot[k]->gradient_comes |= n->in_slot[k]->wants_gradient;
        for (int k = 0; k < n->count[G_STATE]; k++)
            if (n->state_slot[k]) n->state_slot[k]->gradient_comes |= n->state_slot[k]->wants_gradient;
    }
    for (int i = 0; i < g->n_heads; i++) {
        node *n = g->head[i].loss;
        for (int k = 1; k < n->count[G_OUT]; k++)
            if (n->out[k].name && !strcmp(n->out[k].name, "count")) g->head[i].count = &n->out[k], n->out[k].read = 1;
    }
    find_setters(g);
    find_pieces(g);
}

graph *graph_new(part_context *context, data *dat, config_value *root, uint64_t seed, const graph *other)
{
    graph *g = arena_new(context->memory, sizeof *g);
    g->context = context, g->data = dat, g->memory = context->memory, g->seed = seed;
    g->n_layouts = dat->n_layouts + 1;
    for (int i = 1; i <= dat->n_layouts; i++) g->layout_parent[i] = dat->layout_parent[i];
    g->field_node = arena_new(g->memory, sizeof *g->field_node * (size_t)(dat->n_fields + 1));
    for (int i = 0; i < dat->n_fields; i++) {
        node *n = g->field_node[i] = node_new(g, NULL, dat->field[i]->name);
        n->source = dat->field[i], n->table = dat->field[i]->table;
        if (n->table) n->at = n->table->at;
        n->count[G_OUT] = 1;
        n->out[0].spec = dat->field[i]->spec;
        n->unknown = dat->field[i]->wrong
                     || (!dat->dataset->desc && dat->field[i]->kind == FIELD_NUMBERS); /* steps or not: its data set knows */
    }
    int all = 0;
    list_length(root, "layer", &all);
    list_length(root, "loss", &all);
    g->node = arena_new(g->memory, sizeof *g->node * (size_t)(all + 1));
    read_tables(g, root, "layer", TN_LAYER, layer_keys);
    int layers = g->n_nodes;
    read_tables(g, root, "loss", TN_LOSS, loss_keys);
    for (int i = 0; i < layers; i++) wire_layer(g, i);
    for (int i = layers; i < g->n_nodes; i++) wire_loss(g, g->node[i]);
    put_targets_first(g);
    put_in_order(g);
    for (int i = 0; i < g->n_nodes; i++) plan_node(g, g->node[i], other);
    graph_check_initializers(g);
    trace(g);
    kept_trace(g);
    return g;
}
