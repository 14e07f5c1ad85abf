/* host.c -- messages from parts. A part knows the host as an opaque pointer and may fail on any thread; of several
 * failures the first one is the cause, so it is the one that is kept until host_clear().                    */
#include "host.h"
#include <string.h>

static void take(tn_host *h)
{
    while (__atomic_exchange_n(&h->lock, 1, __ATOMIC_ACQUIRE)) { }
}

static void give(tn_host *h)
{
    __atomic_store_n(&h->lock, 0, __ATOMIC_RELEASE);
}

int api_fail(tn_host *h, int code, const char *message)
{
    if (!message || !*message) message = "a part failed without saying why";
    take(h);
    if (!*h->error) snprintf(h->error, sizeof h->error, "%s", message);
    give(h);
    return code;
}

int host_fail(tn_host *h, int code, const char *format, ...)
{
    char text[sizeof h->error];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return api_fail(h, code, text);
}

where host_where(const tn_host *h, where own) { return h->at.file ? h->at : own; }

void host_clear(tn_host *h)
{
    take(h);
    *h->error = 0;
    h->at = (where){ NULL, 0, 0 };
    give(h);
}

void api_log(tn_host *h, int level, const char *message)
{
    if (h->log && message) h->log(level, message);
}

const char *api_word(tn_host *h, int32_t vocabulary, int64_t id)
{
    int64_t n = 0;
    if (!h->words || vocabulary <= 0) return NULL;
    const char *const *word = h->words(h->to, vocabulary, &n);
    return word && id >= 0 && id < n ? word[id] : NULL;
}
