/* pipe.h -- what text transforms share: a growing value to write to, and what a space is. */
#ifndef PIPE_H
#define PIPE_H
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"
#include "tenon/utf8.h"

typedef struct pipe_out {
    const tn_api *api; tn_host *host;
    char *text; int64_t bytes, room;
    int64_t *end; int64_t leaves, end_room;
    int failed;                            /* a write found no memory                                          */
} pipe_out;

static inline void pipe_open(pipe_out *p, const tn_api *api, tn_host *host) { p->api = api, p->host = host; }
static inline void pipe_close(pipe_out *p)
{
    free(p->text), free(p->end);
    p->text = NULL, p->end = NULL, p->room = p->end_room = 0;
}
static inline void pipe_begin(pipe_out *p) { p->bytes = p->leaves = 0, p->failed = 0; }

/* Appends n bytes to the leaf that is being written. */
static inline void pipe_put(pipe_out *p, const char *text, int64_t n)
{
    if (p->bytes + n > p->room) {
        int64_t room = 2 * (p->bytes + n) + 64;
        char *more = (char *)realloc(p->text, (size_t)room);
        if (!more) {
            p->failed = 1;
            return;
        }
        p->text = more, p->room = room;
    }
    if (n) memcpy(p->text + p->bytes, text, (size_t)n);
    p->bytes += n;
}

/* The leaf is complete. */
static inline void pipe_leaf(pipe_out *p)
{
    if (p->leaves == p->end_room) {
        int64_t room = 2 * p->end_room + 64;
        int64_t *more = (int64_t *)realloc(p->end, sizeof *more * (size_t)room);
        if (!more) {
            p->failed = 1;
            return;
        }
        p->end = more, p->end_room = room;
    }
    p->end[p->leaves++] = p->bytes;
}

/* Hands the leaves on as a value of that depth; n: outer steps. */
static inline int pipe_send(pipe_out *p, uint32_t depth, int64_t n, const int32_t *inner, const tn_sink *sink)
{
    static const char none[1] = "";
    if (p->failed) return p->api->fail(p->host, TN_ENOMEM, "no memory for a text");
    tn_value v = { sizeof v, TN_TEXT, depth, 1, n, p->leaves, inner, p->text ? p->text : none, p->end };
    return sink->put(sink->to, 0, &v);
}

static inline const char *value_leaf(const tn_value *v, int64_t i, int64_t *n)
{
    int64_t from = i ? v->end[i - 1] : 0;
    *n = v->end[i] - from;
    return (const char *)v->leaf + from;
}

static inline int is_space(int32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}
#endif
