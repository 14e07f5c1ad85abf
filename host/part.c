/* part.c -- makes a part from what the user wrote: finds its plug-in, fills its config, opens and closes it.
 * Parts inside its options are made, opened and closed with it.                                              */
#include "part.h"
#include "host.h"
#include <string.h>

/* The name of the type and where it stands; NULL after an error. */
static const char *type_of(part_context *c, uint32_t kind, const config_value *v, const char *default_type, where *at)
{
    const char *name = kind_name(kind);
    *at = v->at;
    if (v->type == CONFIG_STRING)
        return v->text;
    if (v->type != CONFIG_TABLE) {
        char seen[96];
        config_seen(v, seen, sizeof seen);
        diag_error(c->messages, v->at, "expected %s %s, by its name or as a table with `type`, got %s",
                   strchr("aeio", name[0]) ? "an" : "a", name, seen);
        return NULL;
    }
    const config_value *type = config_get(v, "type");
    const char *own = config_entry_name(v), *quote = own ? "'" : "";
    if (!type && !default_type)
        diag_error(c->messages, v->at, "%s%s%s%s%s: `type` is missing: which %s is it?", name, own ? " " : "", quote,
                   own ? own : "", quote, name);
    if (!type)
        return default_type;
    *at = type->at;
    if (type->type == CONFIG_STRING)
        return type->text;
    diag_error(c->messages, type->at, "%s: type: expected a string, got %s", name, config_type_name(type->type));
    return NULL;
}

/* The user's name, where the caller knows that key; else the type. */
static const char *name_of(part_context *c, config_value *table, const char *type, const char *const *host_keys)
{
    const char *name = type ? type : "";
    for (; table && host_keys && *host_keys; host_keys++)
        if (!strcmp(*host_keys, "name"))
            name = config_text(table, "name", name, c->messages);
    const config_value *given = config_get(table, "name");
    if (given && given->type == CONFIG_STRING && name == given->text && !name[0])
        diag_error(c->messages, given->at, "name: is empty");
    return name;
}

/* Whether an option stands for the size of a field that is not known before the data is read. */
static int has_stand_in(part_context *c, const tn_part *part)
{
    const char *row = (const char *)part->desc->options;
    for (uint32_t i = 0; i < part->desc->n_options; i++, row += part->desc->option_size) {
        const tn_option *o = (const tn_option *)(const void *)row;
        const config_value *v = o->flags & TN_O_SIZE ? config_get(part->table, o->name) : NULL;
        if (v && v->type == CONFIG_STRING && c->size_of && c->size_of(c->to, v->text) == 0)
            return 1;
    }
    return 0;
}

/* Rules of the part that span several options; not before all of them are known. */
static void run_check(part_context *c, const tn_part *part)
{
    if (!part->desc->check || !c->host || has_stand_in(c, part))
        return;
    host_clear(c->host);
    if (part->desc->check(c->api, c->host, part->config) >= 0)
        return;
    const char *message = c->host->error[0] ? c->host->error : "refuses these options";
    const where at = host_where(c->host, part->at);
    if (strcmp(part->name, part->type))
        diag_error(c->messages, at, "%s '%s' (%s): %s", kind_name(part->kind), part->name, part->type, message);
    else
        diag_error(c->messages, at, "%s '%s': %s", kind_name(part->kind), part->type, message);
    host_clear(c->host);
}

tn_part *part_make(part_context *c, uint32_t kind, config_value *v, const char *default_type, const char *const *host_keys)
{
    tn_part *part = arena_new(c->memory, sizeof *part);
    char error[1024] = "";
    where type_at;
    int before = diag_errors(c->messages);
    const char *type = type_of(c, kind, v, default_type, &type_at);
    v->used = 1;
    part->kind = kind;
    part->at = v->at;
    part->table = v->type == CONFIG_TABLE ? v : NULL;
    part->type = type ? type : "";
    part->name = name_of(c, part->table, type, host_keys);
    for (int i = 0; part->table && i < v->n; i++)
        v->item[i]->used = 1;
    if (type && strchr(type, '/'))         /* an experiment file is data: it can't name code to load         */
        snprintf(error, sizeof error, "%s '%s': a file can't name a plug-in's file; put it into a folder %s and say "
                 "--plugin-path", kind_name(kind), type, kind_folder(kind));
    else if (type)
        part->file = registry_find(c->plugins, kind, type, error, sizeof error);
    if (type && !part->file)
        diag_error(c->messages, type_at, "%s", error);
    if (!part->file)
        return part;
    part->desc = part->file->desc;
    part->config = arena_new(c->memory, part->desc->config_size);
    options_fill(c, part->desc, part->table, v->at, host_keys, part->config);
    if (diag_errors(c->messages) == before)
        run_check(c, part);
    return part;
}

/* ---- opening -------------------------------------------------------------------------------------------- */

/* Inner part k, counted over all PART and PARTS options; NULL past the last. */
static tn_part *inner_part(const tn_part *part, int k)
{
    const char *row = (const char *)part->desc->options;
    for (uint32_t i = 0; i < part->desc->n_options; i++, row += part->desc->option_size) {
        const tn_option *o = (const tn_option *)(const void *)row;
        const void *at = (const char *)part->config + o->offset;
        if (o->type == TN_O_PART) {
            tn_part *inner = *(tn_part *const *)at;
            if (inner && k-- == 0)
                return inner;
        } else if (o->type == TN_O_PARTS) {
            const tn_list *list = at;
            if (k < list->n)
                return ((tn_part *const *)list->v)[k];
            k -= (int)list->n;
        }
    }
    return NULL;
}

int part_open(part_context *c, tn_part *part)
{
    tn_part *inner;
    int rc = 0;
    if (part->self)
        return 0;
    if (!part->desc)
        return host_fail(c->host, TN_EINVAL, "there is no %s '%s'", kind_name(part->kind), part->type);
    for (int k = 0; !rc && (inner = inner_part(part, k)); k++)
        rc = part_open(c, inner);
    if (rc)
        return rc;
    part->self = memory_new(part->desc->self_size);
    if (!part->self)
        return TN_ENOMEM;
    if (!part->listed) {
        part->listed = 1;
        part->opened_before = c->opened;
        c->opened = part;
    }
    rc = part->desc->open ? part->desc->open(c->api, c->host, part->config, part->self) : 0;
    if (rc < 0 && !c->host->error[0])
        host_fail(c->host, rc, "%s '%s' cannot be opened, and does not say why", kind_name(part->kind), part->name);
    if (rc < 0)
        part_close(part);
    return rc < 0 ? rc : 0;
}

void part_close_all(part_context *c)
{
    for (tn_part *part = c->opened; part; part = part->opened_before)
        part_close(part);
    c->opened = NULL;
}

void part_close(tn_part *part)
{
    tn_part *inner;
    if (!part->desc)
        return;
    if (part->self && part->desc->close)
        part->desc->close(part->self);
    memory_free(part->self);
    part->self = NULL;
    for (int k = 0; (inner = inner_part(part, k)); k++)
        part_close(inner);
}
