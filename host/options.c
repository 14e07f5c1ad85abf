/* options.c -- from a table of the experiment file to the config struct of a part, by the part's own option table:
 * types, ranges, names of choices and fields, other parts, paths and defaults. Every mistake of a table is
 * reported, not only the first.                                                                              */
#include "part.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One table being read. */
typedef struct fill {
    part_context *context;
    const tn_desc *desc;
    char head[200];                        /* "layer 'encoder' (lstm)"                                       */
    where at;                              /* of the table: for what is missing                              */
    char *config;
} fill;

static const tn_option *option_row(const tn_desc *desc, uint32_t i)
{
    return (const tn_option *)(const void *)((const char *)desc->options + (size_t)i * desc->option_size);
}

static void head_of(fill *f, const config_value *table)
{
    const char *kind = kind_name(f->desc->kind), *name = table ? config_entry_name(table) : NULL;
    kind = kind ? kind : "part";
    if (name && strcmp(name, f->desc->name))
        snprintf(f->head, sizeof f->head, "%s '%.80s' (%s)", kind, name, f->desc->name);
    else
        snprintf(f->head, sizeof f->head, "%s '%s'", kind, f->desc->name);
}

/* ---- what is expected ----------------------------------------------------------------------------------- */

static const char *expected(const tn_option *o)
{
    switch (o->type) {
    case TN_O_BOOL: return "true or false";
    case TN_O_INT: return o->flags & TN_O_SIZE ? "an integer or the name of a field" : "an integer";
    case TN_O_REAL: return "a number";
    case TN_O_STR: return "a string";
    case TN_O_ENUM: return "one of its names";
    case TN_O_PATH: return "the name of a file";
    case TN_O_PART: return "the name of a part or a table with `type`";
    case TN_O_INTS: return "an array of integers";
    case TN_O_REALS: return "an array of numbers";
    case TN_O_STRS: return "an array of strings";
    case TN_O_PARTS: return "an array of parts";
    default: return "a type that this program does not know";
    }
}

/* The type of one element of a list. */
static uint32_t element_type(uint32_t list)
{
    return list == TN_O_INTS ? TN_O_INT : list == TN_O_REALS ? TN_O_REAL : list == TN_O_STRS ? TN_O_STR
         : list == TN_O_PARTS ? TN_O_PART : 0;
}

/* What to write instead, where that is plain: a number without its quotes, a list of one. */
static void remedy(const tn_option *o, const config_value *v, char *to, size_t size)
{
    char *end = NULL;
    to[0] = 0;
    if (v->type == CONFIG_STRING && (o->type == TN_O_INT || o->type == TN_O_REAL)) {
        strtod(v->text, &end);
        if (end != v->text && !*end)
            snprintf(to, size, "; write %s without quotes", v->text);
    } else if (v->type == CONFIG_STRING && o->type == TN_O_BOOL
               && (!strcmp(v->text, "true") || !strcmp(v->text, "false"))) {
        snprintf(to, size, "; write %s without quotes", v->text);
    } else if (v->type == CONFIG_REAL && o->type == TN_O_INT && v->real == floor(v->real) && fabs(v->real) < 1e15) {
        snprintf(to, size, "; write %.0f", v->real);
    } else if (v->type == CONFIG_INT && o->type == TN_O_STR) {
        snprintf(to, size, "; write \"%lld\"", (long long)v->integer);
    } else if (v->type == CONFIG_ARRAY && (o->type == TN_O_INT || o->type == TN_O_REAL || o->type == TN_O_STR)) {
        snprintf(to, size, "; write it without [ ]");
    } else if (element_type(o->type) && v->type != CONFIG_ARRAY) {
        snprintf(to, size, "; a list of one is written [x]");
    }
}

static int wrong_type(fill *f, const tn_option *o, const config_value *v)
{
    char seen[96], hint[96];
    config_seen(v, seen, sizeof seen);
    remedy(o, v, hint, sizeof hint);
    diag_error(f->context->messages, v->at, "%s: %s: expected %s, got %s%s", f->head, o->name, expected(o), seen, hint);
    return -1;
}

/* ", "-joined names in the arena. */
static const char *joined(arena *a, const char *const *names, int n)
{
    const char *text = "";
    for (int i = 0; i < n; i++)
        text = arena_print(a, "%s%s%s", text, i ? ", " : "", names[i]);
    return text;
}

/* 0, or -1 after an error: a number outside its range. */
static int check_range(fill *f, const tn_option *o, double v, const char *shown, where at)
{
    char what[160];
    int open = (o->flags & TN_O_OPEN_MIN ? 1 : 0) | (o->flags & TN_O_OPEN_MAX ? 2 : 0);
    int none = !(o->min < o->max) && !(o->max < o->min) && !(o->min < 0) && !(o->min > 0); /* both are 0     */
    if (none || !config_outside(v, shown, o->min, o->max, open, what, sizeof what))
        return 0;
    diag_error(f->context->messages, at, "%s: %s: %s", f->head, o->name, what);
    return -1;
}

/* 0, or -1 after an error: a string or a list that is too short or too long. */
static int check_length(fill *f, const tn_option *o, int64_t n, where at)
{
    const char *things = element_type(o->type) ? "entries" : "characters";
    double length = (double)n;
    int none = !(o->max > 0);
    if (none || (length >= o->min && length <= o->max))
        return 0;
    diag_error(f->context->messages, at, "%s: %s: %lld %s; allowed are %.15g to %.15g", f->head, o->name, (long long)n,
               things, o->min, o->max);
    return -1;
}

/* ---- values --------------------------------------------------------------------------------------------- */

static int unknown_field(fill *f, const tn_option *o, const config_value *v)
{
    part_context *c = f->context;
    int n = 0;
    const char *const *names = c->field_names ? c->field_names(c->to, &n) : NULL;
    const char *near = nearest_name(v->text, names, n);
    if (near)
        diag_error(c->messages, v->at, "%s: %s: there is no field '%s'; did you mean '%s'?", f->head, o->name, v->text, near);
    else
        diag_error(c->messages, v->at, "%s: %s: there is no field '%s'; there %s %s", f->head, o->name, v->text,
                   n == 1 ? "is" : "are", n ? joined(c->memory, names, n) : "none");
    return -1;
}

static int read_int(fill *f, const tn_option *o, const config_value *v, int64_t *to)
{
    part_context *c = f->context;
    char shown[120];
    *to = v->integer;
    snprintf(shown, sizeof shown, "%lld", (long long)v->integer);
    if (v->type == CONFIG_STRING && o->flags & TN_O_SIZE && c->size_of) {
        *to = c->size_of(c->to, v->text);
        char hint[96];
        remedy(o, v, hint, sizeof hint);
        if (*to < 0)
            return hint[0] ? wrong_type(f, o, v) : unknown_field(f, o, v);
        if (*to == 0) {                    /* not known before the data is read: a stand-in, and more than 1, */
            *to = c->stand_in ? c->stand_in : 2; /* since softmax refuses a row of one number                 */
            return 0;
        }
        snprintf(shown, sizeof shown, "%lld, the size of field '%.60s',", (long long)*to, v->text);
    } else if (v->type != CONFIG_INT) {
        return wrong_type(f, o, v);
    }
    return check_range(f, o, (double)*to, shown, v->at);
}

static int read_real(fill *f, const tn_option *o, const config_value *v, double *to)
{
    char shown[32];
    if (v->type != CONFIG_INT && v->type != CONFIG_REAL)
        return wrong_type(f, o, v);
    *to = v->real;
    snprintf(shown, sizeof shown, "%.15g", v->real);
    return check_range(f, o, v->real, shown, v->at);
}

static int read_enum(fill *f, const tn_option *o, const config_value *v, int32_t *to)
{
    int n = 0;
    while (o->choices && o->choices[n])
        n++;
    const char *all = joined(f->context->memory, o->choices, n);
    char seen[96];
    if (v->type != CONFIG_STRING) {
        config_seen(v, seen, sizeof seen);
        diag_error(f->context->messages, v->at, "%s: %s: expected one of %s, got %s", f->head, o->name, all, seen);
        return -1;
    }
    for (int i = 0; i < n; i++)
        if (!strcmp(o->choices[i], v->text)) {
            *to = i;
            return 0;
        }
    const char *near = nearest_name(v->text, o->choices, n);
    diag_error(f->context->messages, v->at, "%s: %s: '%s' is not one of %s%s%s%s", f->head, o->name, v->text, all,
               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return -1;
}

static const char *in_folder(arena *a, const char *folder, const char *path)
{
    return strcmp(folder, ".") ? arena_print(a, "%s/%s", folder, path) : path;
}

/* Absolute as it is; else the first data folder that has it, then the folder of the file that names it, then the
 * first data folder, where whoever opens it will say that it is not there.                                  */
static const char *resolve_path(part_context *c, const char *path, where at)
{
    if (path[0] == '/' || !path[0])
        return path;
    for (int i = 0; c->data_dirs && c->data_dirs[i]; i++) {
        const char *full = in_folder(c->memory, c->data_dirs[i], path);
        if (!access(full, F_OK))
            return full;
    }
    const char *slash = at.file && at.line > 0 ? strrchr(at.file, '/') : NULL;
    const char *beside = slash ? arena_print(c->memory, "%.*s/%s", (int)(slash - at.file), at.file, path) : path;
    if (!access(beside, F_OK) || !c->data_dirs || !c->data_dirs[0])
        return beside;
    return in_folder(c->memory, c->data_dirs[0], path);
}

/* The type that an inner table has when it names none: that of the option's default. */
static const char *default_type(part_context *c, const tn_option *o, where at)
{
    config_value *v = o->def_s ? config_parse_value(c->memory, o->def_s, at, c->messages) : NULL;
    const config_value *type = v && v->type == CONFIG_TABLE ? config_get(v, "type") : v;
    return type && type->type == CONFIG_STRING ? type->text : NULL;
}

static int read_part(fill *f, const tn_option *o, config_value *v, tn_part **to)
{
    if (v->type != CONFIG_STRING && v->type != CONFIG_TABLE)
        return wrong_type(f, o, v);
    int before = diag_errors(f->context->messages);
    *to = part_make(f->context, o->part_kind, v, default_type(f->context, o, v->at), NULL);
    return diag_errors(f->context->messages) > before ? -1 : 0;
}

static int read_value(fill *f, const tn_option *o, config_value *v, void *to);

static size_t size_of_type(uint32_t type)
{
    switch (type) {
    case TN_O_BOOL: case TN_O_ENUM: return sizeof(int32_t);
    case TN_O_INT: return sizeof(int64_t);
    case TN_O_REAL: return sizeof(double);
    default: return sizeof(void *);
    }
}

static int read_list(fill *f, const tn_option *o, config_value *v, tn_list *to)
{
    tn_option one = *o;
    one.type = element_type(o->type);
    one.min = one.max = 0;                 /* the range is that of the list's length                         */
    one.flags = 0;
    if (v->type != CONFIG_ARRAY)
        return wrong_type(f, o, v);
    size_t size = size_of_type(one.type);
    char *element = arena_new(f->context->memory, (size_t)v->n * size);
    int bad = check_length(f, o, v->n, v->at);
    for (int i = 0; i < v->n; i++) {
        v->item[i]->used = 1;
        bad |= read_value(f, &one, v->item[i], element + (size_t)i * size);
    }
    place_note(f->context, element, size, v->n, v->item);
    *to = (tn_list){ element, v->n };
    return bad;
}

/* One value into its field. 0, or -1 after an error. */
static int read_value(fill *f, const tn_option *o, config_value *v, void *to)
{
    switch (o->type) {
    case TN_O_BOOL:
        if (v->type != CONFIG_BOOL)
            return wrong_type(f, o, v);
        *(int32_t *)to = (int32_t)v->integer;
        return 0;
    case TN_O_INT: return read_int(f, o, v, to);
    case TN_O_REAL: return read_real(f, o, v, to);
    case TN_O_ENUM: return read_enum(f, o, v, to);
    case TN_O_STR:
    case TN_O_PATH:
        if (v->type != CONFIG_STRING)
            return wrong_type(f, o, v);
        *(const char **)to = o->type == TN_O_STR ? v->text : resolve_path(f->context, v->text, v->at);
        return check_length(f, o, (int64_t)strlen(v->text), v->at);
    case TN_O_PART: return read_part(f, o, v, to);
    case TN_O_INTS: case TN_O_REALS: case TN_O_STRS: case TN_O_PARTS: return read_list(f, o, v, to);
    default: return wrong_type(f, o, v);
    }
}

/* ---- the table ------------------------------------------------------------------------------------------ */

/* The default of an option that was not given. Lists and parts are kept as TOML text. */
static int use_default(fill *f, const tn_option *o, void *to)
{
    part_context *c = f->context;
    switch (o->type) {
    case TN_O_BOOL: case TN_O_ENUM: *(int32_t *)to = (int32_t)o->def_i; return 0;
    case TN_O_INT: *(int64_t *)to = o->def_i; return 0;
    case TN_O_REAL: *(double *)to = o->def_r; return 0;
    case TN_O_STR: *(const char **)to = o->def_s; return 0;
    case TN_O_PATH: *(const char **)to = o->def_s ? resolve_path(c, o->def_s, f->at) : NULL; return 0;
    default: break;
    }
    config_value *v = o->def_s ? config_parse_value(c->memory, o->def_s, f->at, c->messages) : NULL;
    return v ? read_value(f, o, v, to) : o->def_s ? -1 : 0;
}

static int listed(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (!strcmp(*names, name))
            return 1;
    return 0;
}

/* The name of an option within the table `inside` ("": that of the part), or NULL. "rows.train" stands as `train` in the
 * table `rows`, which is all that the part's own table knows of it.                                          */
static const char *name_within(part_context *c, const char *name, const char *inside)
{
    const char *dot = strchr(name, '.');
    if (!*inside)
        return dot ? arena_print(c->memory, "%.*s", (int)(dot - name), name) : name;
    size_t n = strlen(inside);
    return dot && (size_t)(dot - name) == n && !strncmp(name, inside, n) ? dot + 1 : NULL;
}

/* The value of an option in the table, by its name or in the inner table that a dot in the name means. */
static config_value *option_value(const config_value *table, const char *name)
{
    const char *dot = strchr(name, '.');
    if (!dot)
        return config_get(table, name);
    for (int i = 0; table && table->type == CONFIG_TABLE && i < table->n; i++) {
        config_value *inner = table->item[i], *v;
        if (strncmp(inner->key, name, (size_t)(dot - name)) || inner->key[dot - name])
            continue;
        if ((v = config_get(inner, dot + 1)))
            v->used = 1;
        return v;
    }
    return NULL;
}

static void report_unknown(fill *f, const config_value *table, const char *inside, const char *const *host_keys);

/* A key that is the table of options with a dot in their names. */
static void report_inner(fill *f, const config_value *v)
{
    part_context *c = f->context;
    const char *first = NULL;
    for (uint32_t i = 0; i < f->desc->n_options && !first; i++)
        first = name_within(c, option_row(f->desc, i)->name, v->key);
    if (!first)
        return;
    if (v->type == CONFIG_TABLE) {
        report_unknown(f, v, v->key, NULL);
        return;
    }
    char seen[96];
    config_seen(v, seen, sizeof seen);
    diag_error(c->messages, v->at, "%s: %s: expected a table, as in { %s = ... }, got %s", f->head, v->key, first, seen);
}

/* Every key that is neither an option, nor the caller's, nor `type`; of an inner table, those that are no option. */
static void report_unknown(fill *f, const config_value *table, const char *inside, const char *const *host_keys)
{
    part_context *c = f->context;
    int n_host = 0, n = 0;
    while (host_keys && host_keys[n_host])
        n_host++;
    const char *kind = kind_name(f->desc->kind), *here = arena_print(c->memory, "[%s]", kind ? kind : "");
    const char **names = arena_new(c->memory, ((size_t)f->desc->n_options + (size_t)n_host + 1) * sizeof *names);
    for (uint32_t i = 0; i < f->desc->n_options; i++) {
        const char *name = name_within(c, option_row(f->desc, i)->name, inside);
        int twice = 0;
        for (int k = 0; name && k < n; k++)
            twice |= !strcmp(names[k], name);
        if (name && !twice)
            names[n++] = name;
    }
    for (int i = 0; host_keys && i < n_host; i++)
        names[n++] = host_keys[i];
    if (!*inside && !listed(host_keys, "type"))
        names[n++] = "type";
    for (int i = 0; !*inside && i < table->n; i++)
        if (!listed(host_keys, table->item[i]->key))
            report_inner(f, table->item[i]);
    for (int i = 0; i < table->n; i++) {
        const config_value *v = table->item[i];
        int known = 0;
        for (int j = 0; j < n && !known; j++)
            known = !strcmp(names[j], v->key);
        if (known)
            continue;
        const char *near = nearest_name(v->key, names, n), *owner = NULL;
        const char *key = *inside ? arena_print(c->memory, "%s.%s", inside, v->key) : v->key;
        for (int j = 0; c->elsewhere && c->elsewhere[j][0] && !owner; j++)
            if (!strcmp(c->elsewhere[j][0], v->key) && !strstr(c->elsewhere[j][1], here))
                owner = c->elsewhere[j][1];
        if (owner)
            diag_error(c->messages, v->key_at, "%s: %s: does not stand here; it belongs %s", f->head, key, owner);
        else if (near)
            diag_error(c->messages, v->key_at, "%s: %s: no such option; did you mean '%s'?", f->head, key, near);
        else if (n == 1)
            diag_error(c->messages, v->key_at, "%s: %s: no such option; it has none", f->head, v->key);
        else
            diag_error(c->messages, v->key_at, "%s: %s: no such option; there are %s", f->head, key,
                       joined(c->memory, names, n));
    }
}

void options_fill(part_context *c, const tn_desc *desc, config_value *table, where at, const char *const *host_keys,
                  void *config)
{
    fill f = { .context = c, .desc = desc, .at = at, .config = config };
    head_of(&f, table);
    for (int i = 0; table && i < table->n; i++)
        table->item[i]->used = 1;          /* understood or complained about here, or the caller's           */
    for (uint32_t i = 0; i < desc->n_options; i++) {
        const tn_option *o = option_row(desc, i);
        config_value *v = table && !listed(host_keys, o->name) ? option_value(table, o->name) : NULL;
        void *to = f.config + o->offset;
        if (v) {
            read_value(&f, o, v, to);
            config_value **item = arena_new(c->memory, sizeof *item);
            *item = v;
            place_note(c, to, size_of_type(o->type), 1, item);
            if (o->flags & TN_O_DEPRECATED)
                diag_warning(c->messages, v->key_at, "%s: %s: deprecated: %s", f.head, o->name, o->help);
        } else if (o->flags & TN_O_REQUIRED) {
            diag_error(c->messages, at, "%s: %s is missing: expected %s, %s", f.head, o->name, expected(o), o->help);
        } else {
            use_default(&f, o, to);
        }
    }
    if (table)
        report_unknown(&f, table, "", host_keys);
}

/* ---- printing ------------------------------------------------------------------------------------------- */

/* A value as the tree has it, for config_print. */
static config_value *as_value(arena *a, uint32_t type, const tn_option *o, const void *from)
{
    config_value *v = arena_new(a, sizeof *v);
    const tn_part *part;
    const tn_list *list = from;
    switch (type) {
    case TN_O_BOOL:
        v->type = CONFIG_BOOL;
        v->integer = *(const int32_t *)from;
        return v;
    case TN_O_INT:
        v->type = CONFIG_INT;
        v->integer = *(const int64_t *)from;
        return v;
    case TN_O_REAL:
        v->type = CONFIG_REAL;
        v->real = *(const double *)from;
        return v;
    case TN_O_ENUM:
    case TN_O_STR:
    case TN_O_PATH:
        v->type = CONFIG_STRING;
        v->text = type == TN_O_ENUM ? o->choices[*(const int32_t *)from] : *(const char *const *)from;
        return v->text ? v : NULL;
    case TN_O_PART:
        part = *(tn_part *const *)from;
        v->type = CONFIG_STRING;
        v->text = part ? part->type : NULL;
        return part && part->table ? part->table : part ? v : NULL;
    default: break;
    }
    v->type = CONFIG_ARRAY;
    v->n = (int)list->n;
    v->item = arena_new(a, (size_t)list->n * sizeof *v->item);
    for (int i = 0; i < v->n; i++)
        v->item[i] = as_value(a, element_type(type), o,
                              (const char *)list->v + (size_t)i * size_of_type(element_type(type)));
    return v;
}

char *options_print(arena *a, const tn_option *o, const void *config)
{
    const config_value *v = as_value(a, o->type, o, (const char *)config + o->offset);
    return v ? config_print(a, v) : arena_text(a, "(not given)");
}
