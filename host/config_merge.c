/* config_merge.c -- what a file does to the one it extends. [set] changes values of the parent, `remove` takes
 * things away, then tables join by key and entries of [[...]] by name; a new entry says `before` or `after`, or
 * comes last. Anything else replaces.                                                                        */
#include "config_merge.h"
#include "toml_bridge.h"
#include <string.h>

/* ---- paths ---------------------------------------------------------------------------------------------- */

/* One part from *text, which is moved behind it. NULL: it is not one. */
static const char *read_part(arena *a, const char **text)
{
    const char *from = *text;
    if (*from == '"' || *from == '\'') {
        const char *end = strchr(from + 1, *from);
        *text = end ? end + 1 : from;
        return end ? arena_print(a, "%.*s", (int)(end - from - 1), from + 1) : NULL;
    }
    size_t n = strcspn(from, ".");
    *text = from + n;
    while (n && (from[n - 1] == ' ' || from[n - 1] == '\t'))
        n--;
    return n ? arena_print(a, "%.*s", (int)n, from) : NULL;
}

int path_read(arena *a, const char *text, key_path *path, where at, diag *d)
{
    const char *all = text;
    path->n = 0;
    for (;;) {
        text += strspn(text, " \t");
        const char *part = path->n < PATH_PARTS ? read_part(a, &text) : NULL;
        text += strspn(text, " \t");
        if (!part || (*text && *text != '.')) {
            diag_error(d, at, "'%s' is not a path; expected names with dots between, as in layer.encoder.units", all);
            return -1;
        }
        path->part[path->n++] = part;
        if (!*text++)
            return 0;
    }
}

/* "layer.encoder" of the first n parts. */
static const char *path_text(arena *a, const key_path *path, int n)
{
    const char *text = "";
    for (int i = 0; i < n; i++)
        text = arena_print(a, "%s%s%s", text, i ? "." : "", path->part[i]);
    return text;
}

/* Index of an entry of an array by its name: -1 none, -2 several. */
static int find_entry(const config_value *list, const char *name)
{
    int found = -1;
    for (int i = 0; i < list->n; i++) {
        const char *own = config_entry_name(list->item[i]);
        if (own && !strcmp(own, name))
            found = found == -1 ? i : -2;
    }
    return found;
}

static int find_key(const config_value *table, const char *key)
{
    for (int i = 0; i < table->n; i++)
        if (!strcmp(table->item[i]->key, key))
            return i;
    return -1;
}

/* Index of a part in a table or an array of tables; negative: not there. */
static int find_part(const config_value *in, const char *name)
{
    if (in->type == CONFIG_TABLE)
        return find_key(in, name);
    return in->type == CONFIG_ARRAY ? find_entry(in, name) : -1;
}

/* Says that part i of a path does not exist in `in`; adding: the path was to be set, not removed. */
static void missing(arena *a, const config_value *in, const key_path *path, int i, int adding, where at, diag *d)
{
    const char *all = path_text(a, path, path->n), *before = path_text(a, path, i), *name = path->part[i];
    const char **names = arena_new(a, (size_t)(in->n + 1) * sizeof *names);
    int n = 0;
    if (in->type != CONFIG_TABLE && in->type != CONFIG_ARRAY) {
        diag_error(d, at, "%s: '%s' is %s, so there is no '%s' in it", all, before, config_type_name(in->type), name);
        return;
    }
    if (in->type == CONFIG_ARRAY && find_entry(in, name) == -2) {
        diag_error(d, at, "%s: several entries of '%s' are called '%s'; give each a `name` of its own", all, before, name);
        return;
    }
    const char *list = "";
    for (int j = 0; j < in->n; j++) {
        const char *own = in->type == CONFIG_TABLE ? in->item[j]->key : config_entry_name(in->item[j]);
        if (!own)
            continue;
        names[n++] = own;
        if (n <= 24)
            list = arena_print(a, "%s%s%s", list, n > 1 ? ", " : "", own);
    }
    const char *near = nearest_name(name, names, n);
    const char *where_not = i == 0 ? in->at.file
                                   : arena_print(a, in->type == CONFIG_ARRAY ? "[[%s]]" : "'%s'", before);
    if (near)
        diag_error(d, at, "%s: there is no '%s' in %s; did you mean '%s'?", all, name, where_not, near);
    else if (adding && i == 0 && at.line > 0)
        diag_error(d, at, "%s: there is no '%s' in %s; write [%s] in this file to add it", all, name, where_not, name);
    else if (n)
        diag_error(d, at, "%s: there is no '%s' in %s; there are %s", all, name, where_not, list);
    else
        diag_error(d, at, "%s: there is no '%s' in %s, which is empty", all, name, where_not);
}

/* ---- changing a tree ------------------------------------------------------------------------------------ */

/* Item arrays have room for the next power of two, so only a full power of two must move. */
static void insert(arena *a, config_value *in, int i, config_value *v)
{
    if ((in->n & (in->n - 1)) == 0) {
        config_value **item = arena_new(a, (size_t)(in->n ? 2 * in->n : 1) * sizeof *item);
        if (in->n)
            memcpy(item, in->item, (size_t)in->n * sizeof *item);
        in->item = item;
    }
    for (int j = in->n++; j > i; j--)
        in->item[j] = in->item[j - 1];
    in->item[i] = v;
}

static void take_out(config_value *in, int i)
{
    for (int j = i + 1; j < in->n; j++)
        in->item[j - 1] = in->item[j];
    in->n--;
}

/* The key of a table that is nearest to a name; NULL: none is near. */
static const char *near_key(arena *a, const config_value *in, const char *name)
{
    const char **names = arena_new(a, (size_t)(in->n + 1) * sizeof *names);
    for (int j = 0; j < in->n; j++)
        names[j] = in->item[j]->key;
    return nearest_name(name, names, in->n);
}

/* An empty table. */
static config_value *new_table(arena *a, const char *key, where at)
{
    config_value *t = arena_new(a, sizeof *t);
    t->type = CONFIG_TABLE;
    t->key = key;
    t->at = t->key_at = at;
    return t;
}

void merge_set(arena *a, config_value *root, const key_path *path, config_value *value, where at, diag *d)
{
    config_value *in = root;
    int last = path->n - 1;
    for (int i = 0; i < last; i++) {
        int k = find_part(in, path->part[i]);
        if (k < 0 && i == 0 && last == 1 && at.line == 0 && !near_key(a, in, path->part[0])) {
            k = in->n; /* --set training.epochs=1 where the file has no [training]; its reader knows the tables */
            insert(a, in, k, new_table(a, path->part[0], at));
        }
        if (k < 0) {
            missing(a, in, path, i, 1, at, d);
            return;
        }
        in = in->item[k];
    }
    int k = find_part(in, path->part[last]);
    if (in->type == CONFIG_ARRAY && k >= 0) {
        diag_error(d, at, "%s: names a whole entry; name one of its keys", path_text(a, path, path->n));
        return;
    }
    if (in->type != CONFIG_TABLE) {
        missing(a, in, path, last, 1, at, d);
        return;
    }
    value->key = path->part[last];
    value->key_at = at;
    if (k >= 0)
        in->item[k] = value;
    else
        insert(a, in, in->n, value);
}

static void remove_path(arena *a, config_value *root, const key_path *path, where at, diag *d)
{
    config_value *in = root, *above = NULL;
    int place = 0;                           /* of `in` in what is above it                                  */
    for (int i = 0; i < path->n; i++) {
        int k = find_part(in, path->part[i]);
        if (k < 0) {
            missing(a, in, path, i, 0, at, d);
            return;
        }
        if (i == path->n - 1) {
            take_out(in, k);
            if (in->entries && !in->n)       /* [[stop]] without entries is no [[stop]]                      */
                take_out(above, place);
            return;
        }
        above = in;
        place = k;
        in = in->item[k];
    }
}

/* ---- [set] and remove ----------------------------------------------------------------------------------- */

/* A list of what [set] says, flat. */
typedef struct order { key_path path; const char *text; config_value *value; } order;
typedef struct orders { order *list; int n, room; } orders;

static void collect(arena *a, const config_value *table, const key_path *above, orders *all, diag *d)
{
    for (int i = 0; i < table->n; i++) {
        config_value *v = table->item[i];
        key_path path, own;
        if (path_read(a, v->key, &own, v->key_at, d))
            continue;
        path = *above;
        if (path.n + own.n > PATH_PARTS) {
            diag_error(d, v->key_at, "a path has more than %d names", PATH_PARTS);
            continue;
        }
        for (int j = 0; j < own.n; j++)
            path.part[path.n++] = own.part[j];
        if (v->type == CONFIG_TABLE && v->n) {
            collect(a, v, &path, all, d);
            continue;
        }
        if (all->n == all->room) {
            int room = all->room ? 2 * all->room : 8;
            order *list = arena_new(a, (size_t)room * sizeof *list);
            if (all->n)
                memcpy(list, all->list, (size_t)all->n * sizeof *list);
            all->list = list;
            all->room = room;
        }
        all->list[all->n++] = (order){ path, path_text(a, &path, path.n), v };
    }
}

/* The value in the child's own tables that a path of [set] would set once more; NULL: none. */
static const config_value *set_already(const config_value *child, const key_path *path)
{
    const config_value *in = child;
    for (int i = 0; i < path->n; i++) {
        int k = find_part(in, path->part[i]);
        if (k < 0)
            return in->type == CONFIG_TABLE || in->type == CONFIG_ARRAY ? NULL : in;
        in = in->item[k];
    }
    return in;
}

static void apply_set(arena *a, config_value *base, const config_value *child, const config_value *set, diag *d)
{
    orders all = { 0 };
    key_path top = { 0 };
    collect(a, set, &top, &all, d);
    for (int i = 0; i < all.n; i++) {
        order *o = &all.list[i];
        const config_value *twice = set_already(child, &o->path);
        for (int j = 0; j < i && !twice; j++)
            if (!strcmp(all.list[j].text, o->text))
                twice = all.list[j].value;
        if (twice)
            diag_error(d, o->value->key_at, "%s: set twice in this file; the other is in line %d", o->text,
                       twice->key_at.line);
        else
            merge_set(a, base, &o->path, o->value, o->value->key_at, d);
    }
}

/* Takes a key out of a table and gives its value; NULL: it is not there. */
static config_value *taken(config_value *table, const char *key)
{
    int k = find_key(table, key);
    config_value *v = k < 0 ? NULL : table->item[k];
    if (v)
        take_out(table, k);
    return v;
}

/* before and after mean something only where there is a parent. */
static void check_alone(config_value *root, diag *d)
{
    for (int i = 0; i < root->n; i++) {
        const config_value *list = root->item[i];
        for (int j = 0; list->entries && j < 2 * list->n; j++) {
            const char *key = j % 2 ? "after" : "before";
            const config_value *v = taken(list->item[j / 2], key);
            if (v)
                diag_error(d, v->key_at, "`%s` places an entry among those of a parent, and this file has no `extends`",
                           key);
        }
    }
}

static void apply_remove(arena *a, config_value *base, const config_value *gone, diag *d)
{
    if (gone->type != CONFIG_ARRAY)
        diag_error(d, gone->at, "remove: expected an array of paths, as in [\"layer.dropout\"], got %s",
                   config_type_name(gone->type));
    for (int i = 0; gone->type == CONFIG_ARRAY && i < gone->n; i++) {
        config_value *v = gone->item[i];
        key_path path;
        if (v->type != CONFIG_STRING)
            diag_error(d, v->at, "remove: expected a path, as in \"layer.dropout\", got %s", config_type_name(v->type));
        else if (!path_read(a, v->text, &path, v->at, d))
            remove_path(a, base, &path, v->at, d);
    }
}

void merge_orders(arena *a, config_value *base, config_value *child, diag *d)
{
    config_value *set = taken(child, "set"), *gone = taken(child, "remove");
    taken(child, "extends");
    if (set && !base)
        diag_error(d, set->key_at, "[set]: changes values of a parent, and this file has no `extends`");
    else if (set && set->type != CONFIG_TABLE)
        diag_error(d, set->at, "set: expected a table, got %s", config_type_name(set->type));
    else if (set)
        apply_set(a, base, child, set, d);
    if (gone && !base)
        diag_error(d, gone->key_at, "remove: takes something from a parent, and this file has no `extends`");
    else if (gone)
        apply_remove(a, base, gone, d);
    if (!base)
        check_alone(child, d);
}

/* ---- merging -------------------------------------------------------------------------------------------- */

/* Takes `before` or `after` out of a new entry and gives the place it asks for. */
static int place_of(const config_value *list, config_value *entry, diag *d)
{
    int place = list->n, given = 0;
    for (int side = 0; side < 2; side++) {
        const char *key = side ? "after" : "before";
        const config_value *v = taken(entry, key);
        if (!v)
            continue;
        int i = v->type == CONFIG_STRING ? find_entry(list, v->text) : -1;
        if (v->type != CONFIG_STRING) {
            diag_error(d, v->at, "%s: expected the name of an entry, got %s", key, config_type_name(v->type));
        } else if (given++) {
            diag_error(d, v->key_at, "an entry takes `before` or `after`, not both");
        } else if (i == -2) {
            diag_error(d, v->at, "%s: several entries of [[%s]] are called '%s'", key, list->key, v->text);
        } else if (i < 0) {
            const char *names[256], *near;
            int n = 0;
            for (int j = 0; j < list->n && n < 256; j++)
                if (config_entry_name(list->item[j]))
                    names[n++] = config_entry_name(list->item[j]);
            near = nearest_name(v->text, names, n);
            diag_error(d, v->at, "%s: there is no '%s' in [[%s]]%s%s%s", key, v->text, list->key,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        } else {
            place = i + side;
        }
    }
    return place;
}

/* An entry that the parent has: its keys join, its place stays. */
static void join_entry(arena *a, config_value *old, config_value *entry, const char *name, diag *d)
{
    const config_value *before = taken(entry, "before"), *after = taken(entry, "after");
    const config_value *moved = before ? before : after;
    if (moved)
        diag_error(d, moved->key_at, "%s: '%s' keeps the place it has in %s, line %d; this is for new entries",
                   moved->key, name, old->at.file, old->at.line);
    merge_tables(a, old, entry, d);
}

/* Entry by entry, by name: what is there joins, what is new takes its place. */
static void merge_entries(arena *a, config_value *list, config_value *child, diag *d)
{
    for (int i = 0; i < child->n; i++) {
        config_value *entry = child->item[i];
        const char *name = config_entry_name(entry);
        int twice = -1;
        for (int j = 0; name && j < i && twice < 0; j++)
            if (config_entry_name(child->item[j]) && !strcmp(config_entry_name(child->item[j]), name))
                twice = j;
        int k = name ? find_entry(list, name) : -1; /* one without a name is new                             */
        config_value *old = k >= 0 && list->item ? list->item[k] : NULL;
        if (twice >= 0) {
            diag_error(d, entry->at, "[[%s]] '%s' is set a second time; the first is in line %d; give one another `name`",
                       child->key, name, child->item[twice]->at.line);
        } else if (k == -2) {
            diag_error(d, entry->at, "several entries of [[%s]] are called '%s'; give each a `name` of its own", child->key,
                       name);
        } else if (old) {
            join_entry(a, old, entry, name, d);
        } else {
            int place = place_of(list, entry, d);
            insert(a, list, place, entry);
        }
    }
}

/* Whether an array can be inherited entry by entry: [[x]], or one of tables only. */
static int of_tables(const config_value *v)
{
    if (v->type != CONFIG_ARRAY)
        return 0;
    for (int i = 0; i < v->n; i++)
        if (v->item[i]->type != CONFIG_TABLE)
            return 0;
    return v->entries || v->n > 0;
}

void merge_tables(arena *a, config_value *base, config_value *child, diag *d)
{
    for (int i = 0; i < child->n; i++) {
        config_value *v = child->item[i];
        int k = find_key(base, v->key);
        if (k < 0 && v->entries) {           /* its entries may still say before and after                   */
            config_value *list = arena_new(a, sizeof *list);
            *list = *v;
            list->item = NULL;
            list->n = 0;
            insert(a, base, base->n, list);
            merge_entries(a, list, v, d);
            continue;
        }
        if (k < 0) {
            insert(a, base, base->n, v);
            continue;
        }
        config_value *old = base->item[k];
        if (old->type == CONFIG_TABLE && v->type == CONFIG_TABLE)
            merge_tables(a, old, v, d);
        else if (v->entries && of_tables(old))
            merge_entries(a, old, v, d);
        else if ((v->entries && old->type == CONFIG_TABLE) || (old->entries && v->type == CONFIG_TABLE))
            diag_error(d, v->key_at, "'%s' is %s here and %s in %s, line %d", v->key, v->entries ? "[[...]]" : "a table",
                       old->entries ? "[[...]]" : "a table", old->at.file, old->at.line);
        else
            base->item[k] = v;
    }
}
