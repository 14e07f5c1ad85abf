/* What the kernel tests share: a backend opened by dlopen as the host does it, random numbers, comparisons. */
#ifndef BACKEND_H
#define BACKEND_H
#include "tenon/random.h"
#include "tenon/tenon.h"
#include <dlfcn.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((unused)) static int passed, failed, skipped;

static inline int check(int ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline int check(int ok, const char *format, ...)
{
    if (ok) {
        passed++;
        return 1;
    }
    va_list args;
    va_start(args, format);
    if (failed++ < 40) {
        printf("FAILED: ");
        vprintf(format, args);
        printf("\n");
    }
    va_end(args);
    return 0;
}

/* A refusal by a part ends up here. */
static char refusal[512];
static int api_fail(tn_host *host, int code, const char *message)
{
    (void)host;
    snprintf(refusal, sizeof refusal, "%s", message);
    return code;
}

static inline const tn_api *test_api(void)
{
    static tn_api api;
    api.size = sizeof api;
    api.fail = api_fail;
    return &api;
}

/* The first part of a plug-in file; NULL where the file cannot be opened. */
static inline const tn_desc *load_part(const char *file)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    const tn_plugin *(*entry)(void) = NULL;
    void *symbol = library ? dlsym(library, "tn_plugin_entry") : NULL;
    memcpy(&entry, &symbol, sizeof entry);
    if (!entry) printf("%s: %s\n", file, dlerror());
    return entry ? entry()->parts[0] : NULL;
}

/* Can this processor run the build of a part: 0 plain, 1 v3, 2 v4? */
static inline int can_run(int build)
{
#if defined(__x86_64__)
    if (build == 1) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (build == 2) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");
#endif
    return build == 0;
}

typedef struct backend { const tn_desc *desc; void *self; tn_be be; char name[64]; } backend;

/* Option `name`, one of a choice, in the options of a part, which are zeroed before; 0: there is no such choice. */
static inline int choose_option(const tn_desc *desc, const char *name, const char *choice, int32_t *config)
{
    for (uint32_t i = 0; i < desc->n_options; i++)
        for (int32_t k = 0; !strcmp(desc->options[i].name, name) && desc->options[i].choices[k]; k++)
            if (!strcmp(desc->options[i].choices[k], choice)) return config[desc->options[i].offset / sizeof *config] = k, 1;
    return 0;
}

/* A backend on so many threads. config: zeroed options, or NULL for the defaults that are all zero. */
static inline int backend_start(backend *b, const tn_desc *desc, int threads, const void *config, const char *name)
{
    static char zero[256];
    b->desc = desc;
    b->self = calloc(1, desc->self_size);
    snprintf(b->name, sizeof b->name, "%s, %d threads", name, threads);
    if (desc->open && desc->open(test_api(), NULL, config ? config : zero, b->self)) return -1;
    return ((const tn_backend *)desc->table)->start(b->self, threads, &b->be);
}

static inline void backend_stop(backend *b)
{
    ((const tn_backend *)b->desc->table)->stop(b->self, &b->be);
    free(b->self);
}

static uint64_t random_state = 1;
static inline uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static inline int64_t random_below(int64_t n)
{
    return (int64_t)(random_bits() % (uint32_t)n);
}

static inline float random_float(void)
{
    return (float)random_bits() / 1073741824.0f - 1.0f;
}

/* n random numbers between -1 and 1, with 64 bytes to spare. */
static inline float *floats(int64_t n)
{
    float *p = aligned_alloc(64, ((size_t)n * 4 + 127) / 64 * 64);
    for (int64_t i = 0; i < n; i++) p[i] = random_float();
    return p;
}

static inline float *floats_like(const float *x, int64_t n)
{
    float *p = floats(n);
    memcpy(p, x, (size_t)n * 4);
    return p;
}

/* Elements with other bits; any NaN equals any NaN. */
static inline int64_t differing(const float *a, const float *b, int64_t n)
{
    int64_t bad = 0;
    for (int64_t i = 0; i < n; i++) bad += memcmp(a + i, b + i, 4) != 0 && !(isnan(a[i]) && isnan(b[i]));
    return bad;
}

/* max |a - b| / max(|b|, floor). */
static inline double distance(const float *a, const double *b, int64_t n, double floor)
{
    double worst = 0, most = floor;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - b[i]);
        if (!(d <= worst)) worst = d;
        if (fabs(b[i]) > most) most = fabs(b[i]);
    }
    return worst / most;
}
#endif
