/* tokens.c -- made-up token sequences for benchmarks, the same in every program that follows this law: splitmix64 from a
 * seed gives u = (x >> 11) 2^-53; a token is floor(exp(u ln V)) within 1 .. V - 1, so that ids are about as uneven as
 * words are; rows of `batch` examples repeat.                                                                   */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tenon/tenon.h"

typedef struct { int64_t vocabulary, steps, batch, labels, tags, train, validation, test; int32_t lengths; } config;
static const char *const laws[] = { "fixed", "reviews", "sentences", NULL };
static const tn_option options[] = {
    TN_INT(config, vocabulary, 20000, 2, 2147483647, "ids are 1 to vocabulary - 1"),
    TN_INT(config, steps, 80, 1, 1000000, "steps of an example; the most, where lengths vary"),
    TN_INT(config, batch, 32, 1, 1000000, "examples that differ; then they repeat"),
    TN_ENUM(config, lengths, 0, laws, "how long examples are: all `steps`, about as film reviews, or about as sentences of news"),
    TN_INT(config, labels, 2, 1, 2147483647, "classes of `label`, which is the number of the example modulo this"),
    TN_INT(config, tags, 9, 1, 2147483647, "classes of `tags`, which is the number of the example plus the step modulo this"),
    TN_INT(config, train, 3200, 1, 1e12, "examples of the training split"),
    TN_INT(config, validation, 0, 0, 1e12, "examples of the validation split; 0: there is none"),
    TN_INT(config, test, 0, 0, 1e12, "examples of the test split; 0: there is none") };

typedef struct {
    const config *c;
    const tn_api *api; tn_host *host;
    int32_t *length;                       /* [batch]                                                            */
    int32_t *text, *next, *tags;           /* [batch][stride]                                                    */
    int64_t stride;
} tokens;

/* The next number in [0, 1). */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * (1.0 / 9007199254740992.0);
}

/* median exp(sigma z) within low .. high; z is normal, by Box and Muller from two numbers. */
static int32_t length_of(uint64_t *state, double median, double sigma, int32_t low, int32_t high)
{
    double u = uniform(state), v = uniform(state);
    double z = sqrt(-2 * log(1 - u)) * cos(2 * 3.141592653589793 * v), n = floor(median * exp(sigma * z));
    return n < low ? low : n > high ? high : (int32_t)n;
}

static int64_t find_lengths(tokens *k)
{
    const config *c = k->c;
    int32_t most = (int32_t)c->steps, longest = 0;
    uint64_t reviews = 1, sentences = 3;
    for (int64_t b = 0; b < c->batch; b++) {
        if (c->lengths == 0) k->length[b] = most;
        if (c->lengths == 1) k->length[b] = length_of(&reviews, 174, 0.77, most < 10 ? most : 10, most);
        if (c->lengths == 2) k->length[b] = length_of(&sentences, 11, 0.7, most < 2 ? most : 2, most);
        if (k->length[b] > longest) longest = k->length[b];
    }
    return c->lengths == 2 ? longest : most;
}

static void fill(int32_t *id, int64_t n, uint64_t seed, int64_t vocabulary)
{
    double scale = log((double)vocabulary);
    for (int64_t i = 0; i < n; i++) {
        int64_t v = (int64_t)exp(uniform(&seed) * scale);
        id[i] = (int32_t)(v < 1 ? 1 : v > vocabulary - 1 ? vocabulary - 1 : v);
    }
}

static int open_tokens(const tn_api *api, tn_host *host, const void *config_, void *self)
{
    tokens *k = self;
    const config *c = k->c = config_;
    k->api = api, k->host = host;
    k->length = calloc((size_t)c->batch, sizeof *k->length);
    if (!k->length) return tn_fail(api, host, TN_ENOMEM, "no memory for %lld examples", (long long)c->batch);
    k->stride = find_lengths(k);
    size_t n = (size_t)(c->batch * k->stride);
    k->text = calloc(n + 1, sizeof *k->text), k->next = calloc(n + 1, sizeof *k->next), k->tags = calloc(n + 1, sizeof *k->tags);
    if (!k->text || !k->next || !k->tags) return tn_fail(api, host, TN_ENOMEM, "no memory for %zu tokens", n);
    fill(k->text, (int64_t)n, 2, c->vocabulary);
    fill(k->next, (int64_t)n, 5, c->vocabulary);
    for (int64_t b = 0; b < c->batch; b++)
        for (int64_t t = 0; t < k->stride; t++) k->tags[b * k->stride + t] = (int32_t)((b + t) % c->tags);
    return TN_OK;
}

static void close_tokens(void *self)
{
    tokens *k = self;
    free(k->length), free(k->text), free(k->next), free(k->tags);
    k->length = k->text = k->next = k->tags = NULL;
}

static int column(void *self, uint32_t i, tn_column *out)
{
    const config *c = ((tokens *)self)->c;
    const tn_column all[] = { { sizeof *out, TN_I32, 1, 1, "text", c->vocabulary },
                              { sizeof *out, TN_I32, 0, 1, "label", c->labels },
                              { sizeof *out, TN_I32, 1, 1, "tags", c->tags },
                              { sizeof *out, TN_I32, 1, 1, "next", c->vocabulary } };
    if (i > 3) return TN_END;
    *out = all[i];
    return TN_OK;
}

static int64_t count(void *self, const char *split, int64_t lanes)
{
    const config *c = ((tokens *)self)->c;
    (void)lanes;
    return !strcmp(split, "train") ? c->train : !strcmp(split, "validation") ? c->validation : c->test;
}

static int load(void *self, const char *split) { return count(self, split, 1) ? TN_OK : TN_END; }

static int read_example(void *self, const char *split, int64_t lanes, int64_t index, tn_rng rng, const tn_sink *sink)
{
    const tokens *k = self;
    int64_t b = index % k->c->batch, n = k->length[b], from = b * k->stride;
    int32_t label = (int32_t)(b % k->c->labels);
    (void)split, (void)lanes, (void)rng;
    tn_value v = { sizeof v, TN_I32, 1, 1, n, n, NULL, k->text + from, NULL };
    int rc = sink->put(sink->to, 0, &v);
    v.leaf = k->tags + from;
    if (!rc) rc = sink->put(sink->to, 2, &v);
    v.leaf = k->next + from;
    if (!rc) rc = sink->put(sink->to, 3, &v);
    tn_value one = { sizeof one, TN_I32, 0, 1, 1, 1, NULL, &label, NULL };
    return rc ? rc : sink->put(sink->to, 1, &one);
}

static const tn_dataset table = { sizeof table, 0, column, load, count, read_example, NULL, NULL, NULL };
static const tn_desc desc = {
    sizeof desc, TN_DATASET, &table, "tokens", "made-up token sequences for benchmarks",
    "Columns `text` and `next` (ids; seeds 2 and 5), `label` and `tags`. With `z` standard normal, a review has "
    "`174 exp(0.77 z)` steps, at least 10 (seed 1), and a sentence `11 exp(0.7 z)`, at least 2 (seed 3); both at most `steps`. "
    "Tokens are drawn row by row, `steps` to a row; for sentences as many as the longest one has.",
    TN_OPTIONS(options), sizeof(config), sizeof(tokens), NULL, open_tokens, close_tokens, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("tokens", "1.0.0", "Tenon", "MIT", "", parts)
