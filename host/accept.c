/* accept.c -- compares a plug-in's record with what this host was compiled for: sizes and versions first, then each
 * part's table, then each option row. A plug-in is foreign code built elsewhere, perhaps against another header, so
 * nothing is read before the size that covers it was compared. All differences are told at once.            */
#include "accept.h"
#include "host.h"
#include "registry.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

typedef struct report { const char *path; char *text; size_t size, used; int n; } report;

/* Size of a table up to its last member of ABI 1.0: what every plug-in must have. */
#define UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* Appends one sentence; the first is preceded by the file. */
__attribute__((format(printf, 2, 3)))
static void differs(report *r, const char *format, ...)
{
    const char *before[2] = { r->n ? "" : r->path, r->n ? "; " : ": " };
    va_list args;
    for (int i = 0; i < 2; i++) {
        int wrote = snprintf(r->text + r->used, r->size - r->used, "%s", before[i]);
        if (wrote > 0) r->used += (size_t)wrote;
        if (r->used >= r->size) r->used = r->size - 1;
    }
    va_start(args, format);
    int wrote = vsnprintf(r->text + r->used, r->size - r->used, format, args);
    va_end(args);
    if (wrote > 0) r->used += (size_t)wrote;
    if (r->used >= r->size) r->used = r->size - 1;
    r->n++;
}

int accept_name(const char *name)
{
    if (!name || *name < 'a' || *name > 'z') return 0;
    for (const char *c = name; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_')) return 0;
    return 1;
}

/* ---- options -------------------------------------------------------------------------------------------- */

/* "steps", or "rows.train", a key of an inner table. */
static int accept_option_name(const char *name)
{
    char outer[64];
    const char *dot = strchr(name, '.');
    if (!dot) return accept_name(name);
    int n = snprintf(outer, sizeof outer, "%.*s", (int)(dot - name), name);
    return n < (int)sizeof outer && accept_name(outer) && accept_name(dot + 1);
}

/* Bytes of an option's value in the config struct; 0: no such type. */
static uint32_t option_bytes(uint32_t type)
{
    switch (type) {
    case TN_O_BOOL: case TN_O_ENUM: return sizeof(int32_t);
    case TN_O_INT: return sizeof(int64_t);
    case TN_O_REAL: return sizeof(double);
    case TN_O_STR: case TN_O_PATH: case TN_O_PART: return sizeof(void *);
    case TN_O_INTS: case TN_O_REALS: case TN_O_STRS: case TN_O_PARTS: return sizeof(tn_list);
    default: return 0;
    }
}

/* Whether v lies in the row's range; an open bound does not belong to it. Two zeros: no range. A NaN lies nowhere. */
static int in_range(const tn_option *o, double v)
{
    if (o->min == 0 && o->max == 0) return !isnan(v);
    return (o->flags & TN_O_OPEN_MIN ? v > o->min : v >= o->min) && (o->flags & TN_O_OPEN_MAX ? v < o->max : v <= o->max);
}

/* The default of one row. A required option has none that counts. */
static void accept_default(report *r, const char *part, const tn_option *o)
{
    int64_t choices = 0;
    if (o->type == TN_O_ENUM) {
        if (!o->choices || !o->choices[0]) {
            differs(r, "%s: option '%s' has no choices", part, o->name);
            return;
        }
        while (o->choices[choices]) choices++;
    }
    if (o->flags & TN_O_REQUIRED) return;
    switch (o->type) {
    case TN_O_BOOL:
        if (o->def_i != 0 && o->def_i != 1)
            differs(r, "%s: default %lld of option '%s' is neither 0 nor 1", part, (long long)o->def_i, o->name);
        break;
    case TN_O_ENUM:
        if (o->def_i < 0 || o->def_i >= choices)
            differs(r, "%s: default %lld of option '%s' is no index of its %lld choices", part, (long long)o->def_i,
                    o->name, (long long)choices);
        break;
    case TN_O_INT:
        if (!in_range(o, (double)o->def_i))
            differs(r, "%s: default %lld of option '%s' is outside %c%.15g, %.15g%c", part, (long long)o->def_i, o->name,
                    o->flags & TN_O_OPEN_MIN ? '(' : '[', o->min, o->max, o->flags & TN_O_OPEN_MAX ? ')' : ']');
        break;
    case TN_O_REAL:
        if (!in_range(o, o->def_r))
            differs(r, "%s: default %.15g of option '%s' is outside %c%.15g, %.15g%c", part, o->def_r, o->name,
                    o->flags & TN_O_OPEN_MIN ? '(' : '[', o->min, o->max, o->flags & TN_O_OPEN_MAX ? ')' : ']');
        break;
    case TN_O_STR: case TN_O_PATH:
        if (o->def_s && !in_range(o, (double)strlen(o->def_s)))
            differs(r, "%s: default \"%s\" of option '%s' is not %g to %g bytes long", part, o->def_s, o->name, o->min,
                    o->max);
        break;
    default: break;                                     /* lists and parts are TOML, read when they are used */
    }
}

/* Row i of the table, walked by the plug-in's own row size. */
static const tn_option *option_row(const tn_desc *d, uint32_t i)
{
    return (const tn_option *)(const void *)((const char *)d->options + (size_t)i * d->option_size);
}

static void accept_option(report *r, const tn_desc *d, const char *part, uint32_t i)
{
    const tn_option *o = option_row(d, i);
    uint32_t bytes = option_bytes(o->type);
    if (!o->name) {
        differs(r, "%s: option row %u has no name", part, i + 1);
        return;
    }
    if (!accept_option_name(o->name))
        differs(r, "%s: option name '%s' is not of the form [a-z][a-z0-9_]*", part, o->name);
    if (!strcmp(o->name, "type")) differs(r, "%s: an option can't be called 'type', which names the part", part);
    for (uint32_t j = 0; j < i; j++) {
        const tn_option *other = option_row(d, j);
        if (other->name && !strcmp(other->name, o->name)) {
            differs(r, "%s: option '%s' stands in the table twice (rows %u and %u)", part, o->name, j + 1, i + 1);
            break;
        }
        uint32_t theirs = option_bytes(other->type);
        if (bytes && theirs && o->offset < other->offset + theirs && other->offset < o->offset + bytes)
            differs(r, "%s: options '%s' and '%s' lie on the same bytes of the config struct", part,
                    other->name ? other->name : "?", o->name);
    }
    if (!o->help || !*o->help) differs(r, "%s: option '%s' has no help text", part, o->name);
    if (!bytes) {
        differs(r, "%s: option '%s' has type %u, this host knows 1 to %d", part, o->name, o->type, TN_O_PARTS);
        return;
    }
    if ((uint64_t)o->offset + bytes > d->config_size)
        differs(r, "%s: option '%s' ends at byte %llu of a config struct of %u bytes", part, o->name,
                (unsigned long long)o->offset + bytes, d->config_size);
    uint32_t align = bytes > sizeof(void *) ? (uint32_t)sizeof(void *) : bytes;
    if (o->offset % align)
        differs(r, "%s: option '%s' at byte %u is not aligned to %u", part, o->name, o->offset, align);
    if (o->type == TN_O_PART || o->type == TN_O_PARTS)
        if (!kind_name(o->part_kind))
            differs(r, "%s: option '%s' wants a part of kind %u, this host knows 1 to %d", part, o->name, o->part_kind,
                    TN_KINDS - 1);
    if (o->flags & TN_O_SIZE && o->type != TN_O_INT)
        differs(r, "%s: option '%s' takes a field's size but is no integer", part, o->name);
    if (o->type != TN_O_BOOL && o->type != TN_O_ENUM && o->type != TN_O_PART && !(o->min <= o->max))
        differs(r, "%s: the range of option '%s' is empty: [%.15g, %.15g]", part, o->name, o->min, o->max);
    else accept_default(r, part, o);
}

static void accept_options(report *r, const tn_desc *d, const char *part)
{
    if (!d->n_options) return;
    if (!d->options) {
        differs(r, "%s: says it has %u options but has no table of them", part, d->n_options);
        return;
    }
    if (d->option_size < UP_TO(tn_option, unit) || d->option_size % sizeof(void *)) {
        differs(r, "%s: option rows of %u bytes, expected at least %zu", part, d->option_size, UP_TO(tn_option, unit));
        return;
    }
    if (d->n_options > 1000) {
        differs(r, "%s: says it has %u options, 1000 is the most", part, d->n_options);
        return;
    }
    for (uint32_t i = 0; i < d->n_options; i++) accept_option(r, d, part, i);
}

/* ---- tables --------------------------------------------------------------------------------------------- */

/* Every table begins with its size; says so if it is smaller than ABI 1.0 has it. */
static int large_enough(report *r, const char *part, const char *type, const void *table, size_t least)
{
    uint32_t found;
    memcpy(&found, table, sizeof found);
    if (found >= least) return 1;
    differs(r, "%s: its %s has %u bytes, expected at least %zu", part, type, found, least);
    return 0;
}

/* Names the member that must be there and is not. */
#define NEED(table, type, member)                                                                        \
    do { if (!(table)->member) differs(r, "%s: %s.%s is missing", part, #type, #member); } while (0)

static void accept_layer(report *r, const char *part, const tn_layer *l)
{
    if (!large_enough(r, part, "tn_layer", l, UP_TO(tn_layer, initialize))) return;
    NEED(l, tn_layer, plan);
    if (l->min_in > l->max_in)
        differs(r, "%s: takes at least %u and at most %u inputs, which can't be", part, l->min_in, l->max_in);
    if (l->n_ports && !l->ports) differs(r, "%s: says it has %u ports but has no table of them", part, l->n_ports);
    else if (l->n_ports && l->port_size < sizeof(tn_port))
        differs(r, "%s: port rows of %u bytes, expected at least %zu", part, l->port_size, sizeof(tn_port));
    else for (uint32_t i = 0; i < l->n_ports; i++) {
        const tn_port *p = (const tn_port *)(const void *)((const char *)l->ports + (size_t)i * l->port_size);
        if (!accept_name(p->name))
            differs(r, "%s: port name '%s' is not of the form [a-z][a-z0-9_]*", part, p->name ? p->name : "(none)");
    }
    if (!l->impls || !l->impls[0]) {
        differs(r, "%s: tn_layer.impls is missing or empty, so it can't run anywhere", part);
        return;
    }
    for (int i = 0; l->impls[i]; i++) {
        const tn_impl *m = l->impls[i];
        if (!large_enough(r, part, "tn_impl", m, UP_TO(tn_impl, gradient))) continue;
        if (!m->backend || !*m->backend)
            differs(r, "%s: tn_impl.backend of implementation %d is missing (\"*\" or \"cpu\")", part, i + 1);
        NEED(m, tn_impl, forward);
    }
}

/* The simple tables: their size, then each function that the host calls without asking. */
#define TABLE(type, last) const type *t = d->table; if (!large_enough(r, part, #type, t, UP_TO(type, last))) return

static void accept_training_table(report *r, const tn_desc *d, const char *part)
{
    switch (d->kind) {
    case TN_LAYER: accept_layer(r, part, d->table); break;
    case TN_ACTIVATION: {
        TABLE(tn_activation, backward);
        NEED(t, tn_activation, forward);
        NEED(t, tn_activation, backward);
        break;
    }
    case TN_LOSS: {
        TABLE(tn_loss, predict);
        NEED(t, tn_loss, layer);
        if (t->layer) accept_layer(r, part, t->layer);
        break;
    }
    case TN_OPTIMIZER: { TABLE(tn_optimizer, step); NEED(t, tn_optimizer, step); break; }
    case TN_SCHEDULE: { TABLE(tn_schedule, rate); NEED(t, tn_schedule, rate); break; }
    case TN_STOP: { TABLE(tn_stop, decide); NEED(t, tn_stop, decide); break; }
    case TN_INITIALIZER: { TABLE(tn_initializer, fill); NEED(t, tn_initializer, fill); break; }
    case TN_REGULARIZER: {
        TABLE(tn_regularizer, add);
        if (!TN_HAS(t, constrain)) NEED(t, tn_regularizer, add);
        break;
    }
    case TN_METRIC: {
        TABLE(tn_metric, result);
        NEED(t, tn_metric, plan);
        NEED(t, tn_metric, update);
        NEED(t, tn_metric, result);
        break;
    }
    default: break;
    }
}

static void accept_data_table(report *r, const tn_desc *d, const char *part)
{
    switch (d->kind) {
    case TN_DATASET: {
        TABLE(tn_dataset, file);
        NEED(t, tn_dataset, column);
        NEED(t, tn_dataset, load);
        NEED(t, tn_dataset, count);
        NEED(t, tn_dataset, read);
        break;
    }
    case TN_TRANSFORM: {
        TABLE(tn_transform, apply);
        NEED(t, tn_transform, plan);
        NEED(t, tn_transform, apply);
        break;
    }
    case TN_BASELINE: {
        TABLE(tn_baseline, predict);
        NEED(t, tn_baseline, plan);
        NEED(t, tn_baseline, learn);
        NEED(t, tn_baseline, finish);
        NEED(t, tn_baseline, predict);
        break;
    }
    case TN_LOGGER: {
        TABLE(tn_logger, end);
        NEED(t, tn_logger, begin);
        NEED(t, tn_logger, row);
        NEED(t, tn_logger, end);
        break;
    }
    case TN_BACKEND: {
        TABLE(tn_backend, stop);
        NEED(t, tn_backend, start);
        NEED(t, tn_backend, stop);
        break;
    }
    default: break;
    }
}

/* ---- parts and the record ------------------------------------------------------------------------------- */

static void accept_part(report *r, const tn_plugin *plugin, int i)
{
    const tn_desc *d = plugin->parts[i];
    char part[96];
    snprintf(part, sizeof part, "part %d", i + 1);
    if (!large_enough(r, part, "tn_desc", d, UP_TO(tn_desc, ext))) return;
    if (!kind_name(d->kind)) {
        differs(r, "%s: is of kind %u, this host knows 1 to %d", part, d->kind, TN_KINDS - 1);
        return;
    }
    if (!accept_name(d->name)) {
        differs(r, "%s: its name '%s' is not of the form [a-z][a-z0-9_]*", part, d->name ? d->name : "(none)");
        return;
    }
    snprintf(part, sizeof part, "%s '%s'", kind_name(d->kind), d->name);
    for (int j = 0; j < i; j++) {
        const tn_desc *other = plugin->parts[j];
        if (other->size >= UP_TO(tn_desc, ext) && other->kind == d->kind && other->name && !strcmp(other->name, d->name))
            differs(r, "%s: stands in the record twice", part);
    }
    if (!d->brief || !*d->brief) differs(r, "%s: tn_desc.brief is missing (one line that says what it is)", part);
    if (d->config_size > 1 << 20)
        differs(r, "%s: a config struct of %u bytes, expected at most %d", part, d->config_size, 1 << 20);
    if (!d->table) {
        differs(r, "%s: tn_desc.table is missing", part);
        return;
    }
    accept_training_table(r, d, part);
    accept_data_table(r, d, part);
    accept_options(r, d, part);
}

/* The sizes of what is copied by value across the border. */
static void accept_sizes(report *r, const tn_plugin *p)
{
    if (p->abi_minor > TENON_ABI_MINOR)
        differs(r, "wants ABI %u.%u, this host has %d.%d: it needs a newer host", p->abi_major, p->abi_minor,
                TN_ABI_MAJOR, TENON_ABI_MINOR);
    if (p->ptr_bytes != sizeof(void *))
        differs(r, "has pointers of %u bytes, expected %zu", p->ptr_bytes, sizeof(void *));
    if (p->spec_size != sizeof(tn_spec))
        differs(r, "has a tn_spec of %u bytes, expected %zu", p->spec_size, sizeof(tn_spec));
    if (p->tile_size != sizeof(tn_tile))
        differs(r, "has a tn_tile of %u bytes, expected %zu", p->tile_size, sizeof(tn_tile));
    if (p->option_size < UP_TO(tn_option, unit))
        differs(r, "has option rows of %u bytes, expected at least %zu", p->option_size, UP_TO(tn_option, unit));
}

int accept_plugin(const tn_plugin *p, const char *path, char *error, size_t size)
{
    report r = { path, error, size, 0, 0 };
    if (size) *error = 0;
    if (!p) {
        differs(&r, "tn_plugin_entry() gave no record");
        return TN_EINVAL;
    }
    if (p->magic != TN_MAGIC) {
        differs(&r, "its record begins with %08x, expected %08x: not a Tenon plug-in", p->magic, TN_MAGIC);
        return TN_EINVAL;
    }
    if (p->abi_major != TN_ABI_MAJOR)      /* the rest of the record may lie elsewhere: not read             */
        differs(&r, "made for ABI major %u, this host has %d: build it against this host's tenon.h (host %s)",
                p->abi_major, TN_ABI_MAJOR, TENON_VERSION);
    else if (p->size < UP_TO(tn_plugin, parts))
        differs(&r, "its record has %u bytes, expected at least %zu", p->size, UP_TO(tn_plugin, parts));
    else {
        const char *name = p->name ? p->name : "?", *version = p->version ? p->version : "?";
        accept_sizes(&r, p);
        if (!r.n) {
            if (!p->name || !*p->name) differs(&r, "the record has no name");
            if (!p->version || !*p->version) differs(&r, "the record has no version");
            if (!p->parts || !p->parts[0]) differs(&r, "the record has no parts");
            else for (int i = 0; p->parts[i]; i++) accept_part(&r, p, i);
        }
        if (r.n) {
            size_t end = r.used;
            int wrote = snprintf(error + end, size - end, " (plug-in %s %s with ABI %u.%u, host %s with ABI %d.%d)", name,
                                 version, p->abi_major, p->abi_minor, TENON_VERSION, TN_ABI_MAJOR, TENON_ABI_MINOR);
            if (wrote < 0 || (size_t)wrote >= size - end) error[end] = 0;
        }
    }
    return r.n ? TN_EINVAL : TN_OK;
}
