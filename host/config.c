/* config.c -- loads an experiment file with what it extends and the arguments of --set, and reads typed values out
 * of the tree. Every value carries the place where it was written, so that a mistake in a parent file is shown
 * there.                                                                                                     */
#include "config.h"
#include "config_merge.h"
#include "toml_bridge.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_FILE = 16 << 20 };

/* The files on the way from the main one, for circles. */
typedef struct chain {
    const struct chain *child;
    const char *path, *real;
} chain;

/* ---- loading -------------------------------------------------------------------------------------------- */

/* The bytes of a file, or NULL after an error at `at`: where the file was asked for. */
static char *read_file(arena *a, const char *path, size_t *n, where at, diag *d)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        diag_error(d, at, "cannot read '%s': %s", path, strerror(errno));
        return NULL;
    }
    size_t room = 1 << 14, have = 0, got;
    char *text = memory_new(room), *kept = NULL;
    while (text && have <= LARGEST_FILE && (got = fread(text + have, 1, room - have, f)) > 0) {
        have += got;
        if (have == room)
            text = memory_grow(text, have, room *= 2);
    }
    if (ferror(f))
        diag_error(d, at, "cannot read '%s': %s", path, strerror(errno));
    else if (have > LARGEST_FILE)
        diag_error(d, at, "'%s' is larger than 16 MB; an experiment file is a page of text", path);
    else if (text && (kept = arena_new(a, have + 1)))
        memcpy(kept, text, have);
    memory_free(text);
    fclose(f);
    *n = have;
    return kept;
}

/* `name` as seen from the folder of `file`. */
static const char *beside(arena *a, const char *file, const char *name)
{
    const char *slash = strrchr(file, '/');
    if (name[0] == '/' || !slash)
        return arena_text(a, name);
    return arena_print(a, "%.*s/%s", (int)(slash - file), file, name);
}

/* "a.toml -> b.toml -> a.toml", from the file where the circle begins. */
static const char *circle(arena *a, const chain *c, const char *real)
{
    const char *text = arena_text(a, c->path);
    for (const chain *up = c; up; up = up->child) {
        if (up != c)
            text = arena_print(a, "%s -> %s", up->path, text);
        if (!strcmp(up->real, real))
            return arena_print(a, "%s -> %s", text, up->path);
    }
    return text;
}

/* One file merged onto what it extends; NULL after an error that leaves nothing to go on with. */
static config_value *load(arena *a, const char *path, where asked, const chain *child, diag *d)
{
    char *resolved = realpath(path, NULL);
    const char *real = arena_text(a, resolved ? resolved : path);
    free(resolved);
    for (const chain *c = child; c; c = c->child)
        if (!strcmp(c->real, real)) {
            diag_error(d, asked, "extends: goes in a circle: %s", circle(a, child, real));
            return NULL;
        }
    size_t n = 0;
    diag_file(d, path);
    const char *text = read_file(a, path, &n, asked, d);
    config_value *root = text ? toml_parse(a, text, n, path, d) : NULL;
    if (!root)
        return NULL;
    root->at = (where){ path, 1, 1 };
    config_value *extends = config_get(root, "extends"), *base = NULL;
    if (extends && extends->type == CONFIG_STRING) {
        chain here = { child, path, real };
        base = load(a, beside(a, path, extends->text), extends->at, &here, d);
        if (!base)
            return NULL;
    } else if (extends) {
        diag_error(d, extends->at, "extends: expected the name of a file, got %s", config_type_name(extends->type));
        return NULL;
    }
    merge_orders(a, base, root, d);
    if (!base)
        return root;
    merge_tables(a, base, root, d);
    base->at = base->key_at = root->at;
    return base;
}

config_value *config_load(arena *a, const char *path, const char *const *sets, int n_sets, diag *d)
{
    config_value *root = load(a, arena_text(a, path), (where){ NULL, 0, 0 }, NULL, d);
    for (int i = 0; root && i < n_sets; i++) {
        where at = { arena_print(a, "--set %d", i + 1), 0, 0 };
        const char *equal = strchr(sets[i], '=');
        key_path key;
        if (!toml_utf8(sets[i])) {
            diag_error(d, at, "the argument is not valid UTF-8");
            continue;
        }
        if (!equal) {
            diag_error(d, at, "'%s': expected KEY=VALUE, as in layer.encoder.units=256", sets[i]);
            continue;
        }
        if (path_read(a, arena_print(a, "%.*s", (int)(equal - sets[i]), sets[i]), &key, at, d))
            continue;
        const char *first = key.part[0];
        if (!strcmp(first, "extends") || !strcmp(first, "remove") || !strcmp(first, "set")) {
            diag_error(d, at, "%s: is between a file and the one that it extends; write such a file, or give values: KEY=VALUE", first);
            continue;
        }
        config_value *value = config_parse_value(a, equal + 1, at, d);
        if (value)
            merge_set(a, root, &key, value, at, d);
    }
    return root;
}

config_value *config_parse_value(arena *a, const char *text, where at, diag *d)
{
    text += strspn(text, " \t");
    if (!*text || *text == '#') {
        diag_error(d, at, "a value is missing; an empty string is written \"\"");
        return NULL;
    }
    if (strchr("\"'[{", *text))              /* this can only be meant as TOML                               */
        return toml_value(a, text, at, d);
    config_value *value = toml_value(a, text, at, NULL);
    if (!value && strpbrk(text, "\n\r\"")) {
        diag_error(d, at, "'%s' is not a value; a string stands in quotes", text);
    } else if (!value) {
        value = arena_new(a, sizeof *value);
        value->type = CONFIG_STRING;
        value->text = arena_text(a, text);
        value->at = value->key_at = at;
    }
    return value;
}

/* ---- the tree ------------------------------------------------------------------------------------------- */

config_value *config_get(const config_value *table, const char *key)
{
    if (table && table->type == CONFIG_TABLE)
        for (int i = 0; i < table->n; i++)
            if (!strcmp(table->item[i]->key, key))
                return table->item[i];
    return NULL;
}

const char *config_entry_name(const config_value *entry)
{
    static const char *const keys[] = { "name", "type" };
    for (int i = 0; i < 2; i++) {
        const config_value *v = config_get(entry, keys[i]);
        if (v)
            return v->type == CONFIG_STRING ? v->text : NULL;
    }
    return NULL;
}

const char *config_type_name(config_type type)
{
    static const char *const name[] = { "nothing", "a string", "an integer", "a real number", "true or false",
                                        "an array", "a table" };
    return name[type];
}

void config_seen(const config_value *v, char *to, size_t size)
{
    const char *name = config_type_name(v->type);
    int cut = 40;
    switch (v->type) {
    case CONFIG_STRING:
        if (strlen(v->text) <= (size_t)cut) {
            snprintf(to, size, "%s: \"%s\"", name, v->text);
            break;
        }
        while (cut && ((unsigned char)v->text[cut] & 0xc0) == 0x80)
            cut--;
        snprintf(to, size, "%s: \"%.*s...\"", name, cut, v->text);
        break;
    case CONFIG_INT: snprintf(to, size, "%s: %lld", name, (long long)v->integer); break;
    case CONFIG_REAL: snprintf(to, size, "%s: %.15g", name, v->real); break;
    case CONFIG_BOOL: snprintf(to, size, "%s", v->integer ? "true" : "false"); break;
    default: snprintf(to, size, "%s", name);
    }
}

/* ---- typed reading -------------------------------------------------------------------------------------- */

/* "[training]: " or "'encoder': ", which table a message is about; "" for the root. */
static const char *label(const config_value *table, char *to, size_t size)
{
    const char *name = table->key ? NULL : config_entry_name(table);
    if (table->key)
        snprintf(to, size, "[%s]: ", table->key);
    else if (name)
        snprintf(to, size, "'%s': ", name);
    else
        to[0] = 0;
    return to;
}

static void wrong_type(const config_value *table, const config_value *v, const char *key, const char *expected, diag *d)
{
    char seen[96], head[160];
    config_seen(v, seen, sizeof seen);
    diag_error(d, v->at, "%s%s: expected %s, got %s", label(table, head, sizeof head), key, expected, seen);
}

/* The value of a key, marked as used; NULL where it is absent. */
static config_value *take(config_value *table, const char *key)
{
    config_value *v = config_get(table, key);
    if (v)
        v->used = 1;
    return v;
}

const char *config_text(config_value *table, const char *key, const char *otherwise, diag *d)
{
    const config_value *v = take(table, key);
    if (!v)
        return otherwise;
    if (v->type == CONFIG_STRING)
        return v->text;
    wrong_type(table, v, key, config_type_name(CONFIG_STRING), d);
    return otherwise;
}

/* A bound is none where it is as large as the type allows. */
static int bounded(double bound)
{
    return fabs(bound) < 9e18;
}

int config_outside(double v, const char *shown, double min, double max, int open, char *to, size_t size)
{
    int low = open & 1 ? !(v > min) : !(v >= min), high = open & 2 ? !(v < max) : !(v <= max);
    if (!low && !high)
        return 0;
    if (!bounded(max) && bounded(min) && !isnan(v))
        snprintf(to, size, open & 1 ? "%s must be greater than %.15g" : "%s is less than %.15g, the least allowed",
                 shown, min);
    else if (!bounded(min) && bounded(max) && !isnan(v))
        snprintf(to, size, open & 2 ? "%s must be less than %.15g" : "%s is more than %.15g, the most allowed",
                 shown, max);
    else
        snprintf(to, size, "%s is outside %c%.15g, %.15g%c", shown, open & 1 ? '(' : '[', min, max,
                 open & 2 ? ')' : ']');
    return 1;
}

int64_t config_int(config_value *table, const char *key, int64_t otherwise, int64_t min, int64_t max, diag *d)
{
    const config_value *v = take(table, key);
    char shown[32], what[160], head[160];
    if (!v)
        return otherwise;
    if (v->type != CONFIG_INT) {
        wrong_type(table, v, key, config_type_name(CONFIG_INT), d);
        return otherwise;
    }
    if (v->integer >= min && v->integer <= max)
        return v->integer;
    snprintf(shown, sizeof shown, "%lld", (long long)v->integer);
    config_outside((double)v->integer, shown, (double)min, (double)max, 0, what, sizeof what);
    diag_error(d, v->at, "%s%s: %s", label(table, head, sizeof head), key, what);
    return otherwise;
}

double config_real(config_value *table, const char *key, double otherwise, double min, double max, diag *d)
{
    const config_value *v = take(table, key);
    char shown[32], what[160], head[160];
    if (!v)
        return otherwise;
    if (v->type != CONFIG_INT && v->type != CONFIG_REAL) {
        wrong_type(table, v, key, "a number", d);
        return otherwise;
    }
    snprintf(shown, sizeof shown, "%.15g", v->real);
    if (!config_outside(v->real, shown, min, max, 0, what, sizeof what))
        return v->real;
    diag_error(d, v->at, "%s%s: %s", label(table, head, sizeof head), key, what);
    return otherwise;
}

int config_bool(config_value *table, const char *key, int otherwise, diag *d)
{
    const config_value *v = take(table, key);
    if (!v)
        return otherwise;
    if (v->type == CONFIG_BOOL)
        return (int)v->integer;
    wrong_type(table, v, key, config_type_name(CONFIG_BOOL), d);
    return otherwise;
}

const char **config_texts(arena *a, config_value *table, const char *key, int *n, diag *d)
{
    config_value *v = take(table, key);
    *n = 0;
    if (!v)
        return NULL;
    if (v->type != CONFIG_STRING && v->type != CONFIG_ARRAY) {
        wrong_type(table, v, key, "a string or an array of strings", d);
        return NULL;
    }
    config_value **item = v->type == CONFIG_ARRAY ? v->item : &v;
    int count = v->type == CONFIG_ARRAY ? v->n : 1;
    const char **text = arena_new(a, (size_t)count * sizeof *text);
    for (int i = 0; i < count; i++) {
        item[i]->used = 1;
        if (item[i]->type == CONFIG_STRING)
            text[(*n)++] = item[i]->text;
        else
            wrong_type(table, item[i], key, "a string", d);
    }
    return text;
}

/* "a, b, c" of names, cut where it does not fit. */
static void join(const char *const *names, int n, char *to, size_t size)
{
    size_t have = 0;
    to[0] = 0;
    for (int i = 0; i < n && have < size; i++)
        have += (size_t)snprintf(to + have, size - have, "%s%s", i ? ", " : "", names[i]);
}

/* "[training]: ", "[[group]]: " or "the top level: " before a message. */
static void heading(const config_value *table, const char *name, char *to, size_t size)
{
    int words = name && strchr(name, ' ') != NULL;
    const char *open = words ? "" : table->key ? "[" : "[[", *close = words ? "" : table->key ? "]" : "]]";
    to[0] = 0;
    if (name && *name)
        snprintf(to, size, "%s%s%s: ", open, name, close);
}

void config_unused(const config_value *table, const char *table_name, const char *const *allowed, int n_allowed,
                   const char *const (*elsewhere)[2], diag *d)
{
    for (int i = 0; table->type == CONFIG_TABLE && i < table->n; i++) {
        const config_value *v = table->item[i];
        if (v->used)
            continue;
        const char *owner = NULL, *near = nearest_name(v->key, allowed, n_allowed);
        for (int j = 0; elsewhere && elsewhere[j][0] && !owner; j++)
            if (!strcmp(elsewhere[j][0], v->key))
                owner = elsewhere[j][1];
        char list[512], head[160];
        join(allowed, n_allowed, list, sizeof list);
        heading(table, table_name, head, sizeof head);
        if (owner)
            diag_error(d, v->key_at, "%s%s: does not stand here; it belongs %s", head, v->key, owner);
        else if (near)
            diag_error(d, v->key_at, "%s%s: no such key; did you mean '%s'?", head, v->key, near);
        else if (n_allowed)
            diag_error(d, v->key_at, "%s%s: no such key; there are %s", head, v->key, list);
        else
            diag_error(d, v->key_at, "%s%s: no such key; it takes none", head, v->key);
    }
}
