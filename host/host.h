/* host.h -- what a part gets to see of the host as an opaque pointer: the place for messages. */
#ifndef HOST_H
#define HOST_H
#include <stdarg.h>
#include "../include/tenon/tenon.h"
#include "diag.h"

#define TENON_VERSION "0.1.0"              /* of the host; the border has a version of its own, TN_ABI_MAJOR */
#define TENON_ABI_MINOR 0                  /* the newest minor version of the border that this host offers   */

struct tn_host {
    char error[1024];                      /* the first message since host_clear(); "" none                  */
    int  lock;                             /* guards error: fail() may come from any thread                  */
    where at;                              /* of the value that it is about; no file: the part's own place   */
    const struct written *written;         /* values that have a place, the newest first: place.c            */
    const char *const *(*words)(void *to, int32_t vocabulary, int64_t *n); /* spelling of ids; may be NULL    */
    void *to;
    void (*log)(int level, const char *message); /* NULL: silent                                             */
};

/* Records a message the way a part does; returns code. */
int  host_fail(tn_host *, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void host_clear(tn_host *);
/* Where a message of a part belongs, which stands at `own`. */
where host_where(const tn_host *, where own);
/* The members of tn_api that need no graph: fail, log, word here, ext in place.c. plan.c and child.c have the others. */
int  api_fail(tn_host *, int code, const char *message);
void api_log(tn_host *, int level, const char *message);
const void *api_ext(tn_host *, const char *id);
const char *api_word(tn_host *, int32_t vocabulary, int64_t id);
extern const tn_api host_api;              /* api.c                                                          */
#endif
