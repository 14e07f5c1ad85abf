/* place.c -- where the values stand that parts find in their config structs: options.c writes down each that came from a
 * file, and tenon/place.h is how a part asks.                                                                        */
#include "../include/tenon/place.h"
#include "part.h"
#include "host.h"
#include <string.h>

/* Values beside each other in memory: an option, or the entries of its list. */
struct written {
    const char *from; size_t stride; int n;
    config_value *const *item;
    const struct written *before;
};

void place_note(part_context *c, const void *from, size_t stride, int n, config_value *const *item)
{
    if (!c->host || !n) return;
    struct written *w = arena_new(c->memory, sizeof *w);
    *w = (struct written){ from, stride, n, item, c->host->written };
    c->host->written = w;
}

static const config_value *find(const tn_host *h, const void *value)
{
    for (const struct written *w = h->written; w; w = w->before) {
        uintptr_t from = (uintptr_t)w->from, at = (uintptr_t)value;
        if (at >= from && (at - from) / w->stride < (size_t)w->n) return w->item[(at - from) / w->stride];
    }
    return NULL;
}

static int place_of(tn_host *h, const void *value, char *text, size_t size, int32_t *line)
{
    const config_value *v = find(h, value);
    if (!v || !v->at.file) return TN_END;
    *line = v->at.line;
    if (v->at.line) snprintf(text, size, "%s:%d", v->at.file, v->at.line);
    else snprintf(text, size, "%s", v->at.file);
    return TN_OK;
}

static int place_fail(tn_host *h, const void *value, int code, const char *message)
{
    const config_value *v = find(h, value);
    if (v && !*h->error) h->at = v->at;
    return api_fail(h, code, message);
}

static const tn_place table = { sizeof table, 0, place_of, place_fail };

const void *api_ext(tn_host *h, const char *id)
{
    (void)h;
    return strcmp(id, TN_PLACE) ? NULL : &table;
}
