/* generator.h -- data sets that make their examples up. An example is a function of (seed, split, number), so it has the same
 * bits in any order and in every run; the laws stand in each data set's own file. Where every epoch has new examples, those
 * of the first are numbered first, then those of the second, and so on.                                            */
#ifndef GENERATOR_H
#define GENERATOR_H
#include <stdlib.h>
#include <string.h>
#include "tenon/random.h"

enum { GENERATOR_SPLITS = 3 };
static const char *const generator_splits[] = { "train", "validation", "test" };
typedef struct generator { int64_t examples[GENERATOR_SPLITS], data_seed; int32_t fresh; } generator; /* in each config */
#define GENERATOR_COUNT(T, i, name, def, least) \
    { name, "examples of the " name " split", TN_O_INT, 0, offsetof(T, made) + offsetof(generator, examples) + (i) * sizeof(int64_t), \
      0, def, 0, NULL, least, 1e12, NULL, "examples" }
#define GENERATOR_OPTIONS(T) \
    GENERATOR_COUNT(T, 0, "train", 10000, 1), GENERATOR_COUNT(T, 1, "validation", 1000, 0), \
    GENERATOR_COUNT(T, 2, "test", 2560, 0), \
    { "data_seed", "seed of the examples; 0: that of the experiment", TN_O_INT, 0, \
      offsetof(T, made) + offsetof(generator, data_seed), 0, 0, 0, NULL, 0, 9e18, NULL, NULL }, \
    { "fresh", "every epoch has new training examples, so that none is seen twice", TN_O_BOOL, 0, \
      offsetof(T, made) + offsetof(generator, fresh), 0, 0, 0, NULL, 0, 1, NULL, NULL }

/* Numbers of one example, drawn one after the other. */
typedef struct draws { tn_rng rng; uint64_t n; } draws;

/* What most of them keep: the config and a buffer for the example at hand. */
typedef struct maker { const void *config; const tn_api *api; tn_host *host; void *room; int64_t epochs_before; } maker;

static inline draws draws_of(const maker *m, const generator *g, const char *split, int64_t index, tn_rng rng)
{
    uint64_t salt = 0;
    while (salt < GENERATOR_SPLITS && strcmp(generator_splits[salt], split)) salt++;
    if (!salt) index += m->epochs_before * g->examples[0];
    tn_rng own = { g->data_seed ? (uint64_t)g->data_seed : rng.key, (uint64_t)index };
    draws d = { tn_random_fork(own, salt), 0 };
    return d;
}
static inline double draw_real(draws *d) { return tn_random_real(d->rng, d->n++); } /* [0, 1)                   */
/* low .. high, both included. */
static inline int64_t draw_int(draws *d, int64_t low, int64_t high)
{
    return low + (int64_t)(draw_real(d) * (double)(high - low + 1));
}

static inline int64_t generator_count(const generator *g, const char *split)
{
    for (int i = 0; i < GENERATOR_SPLITS; i++)
        if (!strcmp(generator_splits[i], split)) return g->examples[i];
    return 0;
}

/* Hands on one text, cut by no one yet. */
static inline int put_made_text(const tn_sink *sink, uint32_t column, const char *text, int64_t n)
{
    tn_value v = { sizeof v, TN_TEXT, 0, 1, 1, 1, NULL, text, &n };
    return sink->put(sink->to, column, &v);
}

static inline int maker_open(const tn_api *api, tn_host *host, const void *config, void *self, size_t bytes)
{
    maker *m = (maker *)self;
    m->config = config, m->api = api, m->host = host, m->room = malloc(bytes), m->epochs_before = 0;
    return m->room ? TN_OK : tn_fail(api, host, TN_ENOMEM, "no memory for an example of %zu bytes", bytes);
}
static inline void maker_close(void *self)
{
    maker *m = (maker *)self;
    free(m->room);
    m->room = NULL;
}
/* load, count and renew of a data set whose config is of type T. */
#define GENERATOR_FUNCTIONS(T)                                                                              \
    static int64_t count(void *self, const char *split, int64_t lanes)                                      \
    {                                                                                                       \
        (void)lanes;                                                                                        \
        return generator_count(&((const T *)((maker *)self)->config)->made, split);                         \
    }                                                                                                       \
    static int load(void *self, const char *split) { return count(self, split, 1) ? TN_OK : TN_END; }        \
    static int renew(void *self, const char *split, int64_t epoch)                                          \
    {                                                                                                       \
        maker *m = self;                                                                                    \
        if (!((const T *)m->config)->made.fresh || strcmp(split, generator_splits[0])) return TN_END;       \
        m->epochs_before = epoch - 1;                                                                       \
        return TN_OK;                                                                                       \
    }
#endif
