/* options.c -- options of a part as TOML, made from its option table: small defaults, draws from the ranges, and each
 * option in turn at both ends of its range. */
#include <stdlib.h>
#include <string.h>
#include "checks.h"

enum { MOST_VALUES = 24 };

static const tn_option *option_row(const tn_desc *d, uint32_t i)
{
    return (const tn_option *)(const void *)((const char *)d->options + (size_t)i * d->option_size);
}

/* ---- ranges that a few rows can bear --------------------------------------------------------------------- */
static int64_t low_int(const tn_option *o)
{
    double low = o->min + (o->flags & TN_O_OPEN_MIN ? 1 : 0);
    return low < -17 ? (o->def_i < -17 ? o->def_i : -17) : (int64_t)low;
}

/* Beyond 16, so that a vector of the widest processor is full and something remains. */
static int64_t high_int(const tn_option *o)
{
    int64_t low = low_int(o), most = low > 14 ? low + 3 : 17;
    double high = o->max - (o->flags & TN_O_OPEN_MAX ? 1 : 0);
    return high > (double)most ? most : (int64_t)high;
}

/* Both ends, where they are no larger than 10; just inside where an end itself is not allowed. */
static void real_ends(const tn_option *o, double *low, double *high)
{
    double most = o->def_r > 5 ? 2 * o->def_r : o->def_r < -5 ? -2 * o->def_r : 10;
    *low = o->min < -most ? -most : o->min, *high = o->max > most ? most : o->max;
    double inside = (*high - *low) / 64;
    if (o->flags & TN_O_OPEN_MIN && *low <= o->min) *low = o->min + inside;
    if (o->flags & TN_O_OPEN_MAX && *high >= o->max) *high = o->max - inside;
}

/* ---- one option ------------------------------------------------------------------------------------------ */
/* A layer within a layer gets small sizes, too. NULL: its default is more than a name, and says them itself. */
static const char *plain_layer(arena *a, const char *name)
{
    char error[200];
    const plugin_file *f = strchr(name, '{') ? NULL : registry_find(probe_registry(a), TN_LAYER, name, error, sizeof error);
    if (!f) return NULL;
    const char *sizes = draw_options(a, f->desc, 0, 0);
    return arena_print(a, "{ type = '%s'%s%s }", name, *sizes ? ", " : "", sizes);
}

/* What stands there where nothing is drawn: sizes made small, what is required filled in. NULL: it is left out. */
static const char *plain_value(arena *a, const tn_option *o)
{
    if (o->type == TN_O_INT) {
        int64_t low = (int64_t)o->min, high = o->max > 9 ? (low > 9 ? low + 3 : 9) : (int64_t)o->max;
        int64_t v = o->def_i > 9 ? 5 : o->def_i;
        if (v < low || v > high) v = low > 5 ? low : 5;
        return arena_print(a, "%lld", (long long)v);
    }
    if (o->type == TN_O_PART && o->part_kind == TN_LAYER && o->def_s) return plain_layer(a, o->def_s);
    if (!(o->flags & TN_O_REQUIRED)) return NULL;
    if (o->type == TN_O_REAL)
        return arena_print(a, "%.6f", (o->min > -1e9 ? o->min : 0) / 2 + (o->max < 1e9 ? o->max : 1) / 2);
    return o->type == TN_O_STR ? "'x'" : NULL;
}

static const char *drawn_value(arena *a, const tn_option *o, uint64_t r)
{
    if (o->flags & TN_O_SIZE && !o->def_i && !(o->flags & TN_O_REQUIRED)) return "0"; /* a size that an input must have */
    if (o->type == TN_O_INT) {
        int64_t low = (int64_t)o->min, high = o->max > 9 ? (low > 9 ? low + 3 : 9) : (int64_t)o->max;
        return arena_print(a, "%lld", (long long)(low + (int64_t)(r % (uint64_t)(high - low + 1))));
    }
    if (o->type == TN_O_REAL) {
        double low = o->min < -10 ? o->def_r - 1 : o->min, high = o->max > 10 ? o->def_r + 1 : o->max;
        if (low < o->min) low = o->min;
        double v = r % 5 == 0 && !(o->flags & TN_O_OPEN_MIN) ? low : r % 5 == 1 && !(o->flags & TN_O_OPEN_MAX) ? high
                 : low + (high - low) * (0.05 + 0.9 * (double)(r >> 40) / 16777216.0);
        return arena_print(a, "%.6f", v);
    }
    if (o->type == TN_O_BOOL) return r & 1 ? "true" : "false";
    if (o->type == TN_O_ENUM) {
        uint64_t n = 1; /* no option is accepted that has none */
        while (o->choices[n]) n++;
        return arena_print(a, "'%s'", o->choices[r % n]);
    }
    return plain_value(a, o);
}

/* Every value that an option takes in its turn, in v; how many. */
static int end_values(arena *a, registry *plugins, const tn_option *o, const char **v)
{
    int n = 0;
    if (o->flags & (TN_O_RUNTIME | TN_O_DEPRECATED)) return 0;
    if (o->type == TN_O_BOOL) v[n++] = "false", v[n++] = "true";
    if (o->type == TN_O_INT) {
        v[n++] = arena_print(a, "%lld", (long long)low_int(o));
        if (high_int(o) > low_int(o)) v[n++] = arena_print(a, "%lld", (long long)high_int(o));
    }
    if (o->type == TN_O_REAL) {
        double low, high;
        real_ends(o, &low, &high);
        v[n++] = arena_print(a, "%.6f", low), v[n++] = arena_print(a, "%.6f", high);
    }
    for (int i = 0; o->type == TN_O_ENUM && o->choices[i] && n < MOST_VALUES; i++)
        v[n++] = arena_print(a, "'%s'", o->choices[i]);
    if (o->type == TN_O_PART && o->part_kind == TN_ACTIVATION) { /* other kinds: too many to try, or with needs of their own */
        int names;
        const char *const *name = registry_names(plugins, o->part_kind, &names);
        for (int i = 0; i < names && n < MOST_VALUES; i++) v[n++] = arena_print(a, "'%s'", name[i]);
    }
    return n;
}

/* ---- all options ----------------------------------------------------------------------------------------- */
static const char *append(arena *a, const char *list, const char *key, const char *value)
{
    return value ? arena_print(a, "%s%s%s = %s", list, *list ? ", " : "", key, value) : list;
}

const char *draw_options(arena *a, const tn_desc *d, int draw, uint64_t seed)
{
    const char *list = "";
    for (uint32_t i = 0; i < d->n_options; i++) {
        const tn_option *o = option_row(d, i);
        list = append(a, list, o->name, draw ? drawn_value(a, o, mixed(seed + (uint64_t)draw, i)) : plain_value(a, o));
    }
    return list;
}

const char *file_options(arena *a, const tn_desc *d, const char *options, const char *path)
{
    int files = 0;
    for (uint32_t i = 0; i < d->n_options; i++)
        if (option_row(d, i)->type == TN_O_PATH)
            options = append(a, options, option_row(d, i)->name, arena_print(a, "'%s'", path)), files++;
    return files ? options : NULL;
}

int option_ends(arena *a, registry *plugins, const tn_desc *d, option_end *end, int most)
{
    int n = 0;
    for (uint32_t i = 0; i < d->n_options; i++) {
        const char *value[MOST_VALUES];
        int values = end_values(a, plugins, option_row(d, i), value);
        for (int v = 0; v < values && n < most; v++) {
            const char *list = "";
            for (uint32_t k = 0; k < d->n_options; k++)
                list = append(a, list, option_row(d, k)->name, k == i ? value[v] : plain_value(a, option_row(d, k)));
            end[n++] = (option_end){ list, append(a, "", option_row(d, i)->name, value[v]) };
        }
    }
    return n;
}
