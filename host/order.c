/* order.c -- which examples make which batch of an epoch: a function of (seed, epoch) alone.
 *
 * With length buckets, the shuffled examples are taken so many batches at a time; within such a bucket they are sorted by
 * length and cut into batches, and the batches come in random order. So the examples of a batch are about equally long,
 * and who meets whom still changes from epoch to epoch (Khomenko et al. 2016, "Accelerating recurrent neural network
 * training using sequence bucketing and multi-GPU data parallelization").                                            */
#include <stdlib.h>
#include "../include/tenon/random.h"
#include "train.h"

static void shuffle(int64_t *list, int64_t n, tn_rng rng)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t k = (int64_t)(tn_random_real(rng, (uint64_t)i) * (double)(i + 1)), keep = list[i];
        list[i] = list[k], list[k] = keep;
    }
}

typedef struct sized { int64_t length, at, example; } sized;

static int by_length(const void *a, const void *b)
{
    const sized *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Steps of a training example: of its longest field. */
static int64_t steps_of(const data *d, int64_t example)
{
    int64_t most = 0;
    for (int i = 0; i < d->n_fields; i++) {
        const store *s = &d->field[i]->split[SPLIT_TRAIN];
        if (!s->begin || example >= s->examples) continue;
        int64_t n = s->begin[example + 1] - s->begin[example];
        if (n > most) most = n;
    }
    return most;
}

/* One bucket: list[0 .. n - 1]; a last batch that is not whole stays the last. */
static void sort_bucket(const experiment *e, int64_t *list, int64_t n, tn_rng rng)
{
    int64_t each = e->batch_size, whole = n / each;
    sized *s = memory_new(sizeof *s * (size_t)(n + 1));
    int64_t *number = memory_new(sizeof *number * (size_t)(whole + 1));
    for (int64_t i = 0; i < n; i++) s[i] = (sized){ steps_of(e->data, list[i]), i, list[i] };
    qsort(s, (size_t)n, sizeof *s, by_length);
    for (int64_t b = 0; b < whole; b++) number[b] = b;
    if (e->shuffle) shuffle(number, whole, rng);
    for (int64_t i = 0; i < n; i++) list[i] = s[i < whole * each ? number[i / each] * each + i % each : i].example;
    memory_free(number);
    memory_free(s);
}

void epoch_order(const experiment *e, int64_t epoch, int64_t *order)
{
    int64_t n = e->data->count[SPLIT_TRAIN], bucket = e->length_buckets * e->batch_size;
    tn_rng of_epoch = { e->seed, (uint64_t)epoch };
    for (int64_t i = 0; i < n; i++) order[i] = i;
    if (e->shuffle) shuffle(order, n, tn_random_fork(of_epoch, text_hash("order of examples")));
    tn_rng of_batches = tn_random_fork(of_epoch, text_hash("order of batches"));
    for (int64_t at = 0; e->length_buckets > 1 && at < n; at += bucket)
        sort_bucket(e, order + at, n - at < bucket ? n - at : bucket, tn_random_fork(of_batches, (uint64_t)at));
}
