/* error_rate.c -- edit distance between the sequences that were read and those that are right, by the length of the latter:
 * character error rate, word error rate, whatever the ids stand for. */
#include <stdlib.h>
#include <tenon/tenon.h>

typedef struct metric { const tn_api *api; tn_host *host; } metric;
enum { OUTPUT, TARGET };
enum { EDITS, LENGTH, WRONG, ALL, SUMS };

static int plan(const tn_api *api, tn_host *host, const void *opts, void *self, uint32_t n_in,
                const tn_spec *const *in, uint32_t *sums)
{
    (void)opts;
    *(metric *)self = (metric){ api, host };
    if (n_in <= TARGET) return tn_fail(api, host, TN_EINVAL, "error_rate: needs a target");
    if (in[OUTPUT]->means != TN_IDS || in[TARGET]->means != TN_IDS)
        return tn_fail(api, host, TN_ESHAPE, "error_rate: compares sequences of ids, as of a port `.decoded`; the %s is numbers",
                       in[OUTPUT]->means != TN_IDS ? "output" : "target");
    if (in[OUTPUT]->layout == TN_ROOT || in[TARGET]->layout == TN_ROOT)
        return tn_fail(api, host, TN_ESHAPE, "error_rate: compares sequences; accuracy compares single ids");
    *sums = SUMS;
    return TN_OK;
}

/* The sequence of parent row p; -1 ends it. */
static int32_t sequence(const tn_tensor *x, int32_t p, int32_t *id)
{
    const tn_layout *l = x->lay;
    int32_t s = l->place[p], n = 0;
    for (; n < l->length[s]; n++)
        if ((id[n] = ((const int32_t *)x->data)[l->first[n] + s]) < 0) break;
    return n;
}

/* Insertions, deletions and substitutions that make b of a, at least (Levenshtein 1965); row: [m + 1] */
static int32_t edits(const int32_t *a, int32_t n, const int32_t *b, int32_t m, int32_t *row)
{
    for (int32_t j = 0; j <= m; j++) row[j] = j;
    for (int32_t i = 1; i <= n; i++) {
        int32_t corner = row[0];
        row[0] = i;
        for (int32_t j = 1; j <= m; j++) {
            int32_t best = corner + (a[i - 1] != b[j - 1]), other = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            corner = row[j];
            row[j] = best < other ? best : other;
        }
    }
    return row[m];
}

static int update(void *self, const tn_call *c, double *sum)
{
    const metric *k = self;
    const tn_layout *x = c->in[OUTPUT]->lay, *t = c->in[TARGET]->lay;
    if (x->sequences != t->sequences)
        return tn_fail(k->api, k->host, TN_ESHAPE, "error_rate: output and target are not sequences of the same rows");
    int32_t *room = malloc(sizeof *room * (size_t)(x->steps + 2 * t->steps + 3));
    if (!room) return tn_fail(k->api, k->host, TN_ENOMEM, "error_rate: no memory for %d steps", x->steps);
    int32_t *b = room + x->steps + 1, *row = b + t->steps + 1;
    for (int32_t p = 0; p < t->sequences; p++) {
        int32_t n = sequence(c->in[OUTPUT], p, room), m = sequence(c->in[TARGET], p, b), e = edits(room, n, b, m, row);
        sum[EDITS] += e, sum[LENGTH] += m, sum[WRONG] += e > 0, sum[ALL] += 1;
    }
    free(room);
    return TN_OK;
}

static int result(void *self, const double *sum, uint32_t i, const char **name, double *value, int32_t *higher_is_better)
{
    (void)self;
    if (i > 1) return TN_END;
    *name = i ? "sequences" : NULL, *higher_is_better = 0;
    double above = sum[i ? WRONG : EDITS], below = sum[i ? ALL : LENGTH];
    *value = below > 0 ? above / below : 0;
    return TN_OK;
}

static const tn_metric table = { sizeof table, 0, 2, 2, plan, update, result };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_METRIC, .table = &table, .name = "error_rate",
    .brief = "edit distance by length: character or word error rate",
    .doc = "error_rate = edits / length, both summed over the whole split. Edits are the insertions, deletions and\n"
           "substitutions that turn what was read into the target, as few as possible; the length is the target's. It may be\n"
           "above 1. `error_rate.sequences` is the share of sequences with any error.\n\n"
           "Input: ids by step, a -1 ending a sequence early, as in the port `.decoded` of `ctc`.\n\n"
           "Source: Levenshtein, *Binary Codes Capable of Correcting Deletions, Insertions and Reversals* (1965).\n",
    .option_size = sizeof(tn_option), .self_size = sizeof(metric) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("error_rate", "1.0", "The Tenon authors", "MIT", "", parts)
