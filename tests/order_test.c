/* order_test.c -- the order of an epoch against its promises: each example once, other every epoch, the same for the same
 * epoch; within a bucket sorted by length and cut into batches, the batch that is not whole the last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../host/train.h"

enum { MOST = 2000 };
static int passed, failed;

static void check(int ok, const char *what, long n, long each, long buckets)
{
    if (ok) passed++;
    else failed++, printf("FAILED: %s (%ld examples, batches of %ld, %ld to a bucket)\n", what, n, each, buckets);
}

static int each_once(const int64_t *order, int64_t n)
{
    char seen[MOST] = { 0 };
    for (int64_t i = 0; i < n; i++) {
        if (order[i] < 0 || order[i] >= n || seen[order[i]]) return 0;
        seen[order[i]] = 1;
    }
    return 1;
}

static int64_t length_of(const experiment *e, int64_t i)
{
    const int64_t *begin = e->data->field[0]->split[SPLIT_TRAIN].begin;
    return begin[i + 1] - begin[i];
}

/* Every two batches of a bucket: all lengths of one are at most all of the other. And within a batch they are sorted. */
static int sorted_buckets(const experiment *e, const int64_t *order, int64_t n)
{
    int64_t each = e->batch_size, bucket = each * e->length_buckets;
    for (int64_t at = 0; at < n; at += bucket) {
        int64_t end = at + bucket < n ? at + bucket : n;
        for (int64_t i = at; i < end; i++)
            for (int64_t k = at; k < end; k++) {
                int64_t a = (i - at) / each, b = (k - at) / each;
                int64_t first_a = length_of(e, order[at + a * each]), first_b = length_of(e, order[at + b * each]);
                int64_t x = length_of(e, order[i]), y = length_of(e, order[k]);
                if (a == b && i < k && x > y) return 0;
                if (a != b && first_a < first_b && x > y) return 0;
            }
        int64_t rest = (end - at) % each; /* the batch that is not whole holds the longest */
        for (int64_t i = at; rest && i < end - rest; i++)
            if (length_of(e, order[i]) > length_of(e, order[end - rest])) return 0;
    }
    return 1;
}

static void test(int64_t n, int64_t each, int64_t buckets, int shuffled)
{
    static int64_t begin[MOST + 1], order[MOST], again[MOST], later[MOST], plain[MOST];
    experiment e;
    data d;
    field text, *fields[] = { &text };
    memset(&e, 0, sizeof e), memset(&d, 0, sizeof d), memset(&text, 0, sizeof text);
    e.data = &d, e.seed = 7, e.shuffle = shuffled, e.batch_size = each, e.length_buckets = buckets;
    d.field = fields, d.n_fields = 1, d.count[SPLIT_TRAIN] = n;
    for (int64_t i = 0; i < n; i++) begin[i + 1] = begin[i] + (i * 7919 + i / 3) % 61;
    text.split[SPLIT_TRAIN] = (store){ .examples = n, .leaves = begin[n], .begin = begin };
    epoch_order(&e, 3, order), epoch_order(&e, 3, again), epoch_order(&e, 4, later);
    size_t bytes = sizeof *order * (size_t)n;
    check(each_once(order, n), "each example comes once", n, each, buckets);
    check(!memcmp(order, again, bytes), "an epoch has one order", n, each, buckets);
    if (n > 20) check(shuffled ? memcmp(order, later, bytes) != 0 : !memcmp(order, later, bytes), "other epochs", n, each, buckets);
    if (buckets > 1) check(sorted_buckets(&e, order, n), "similar lengths come together", n, each, buckets);
    e.length_buckets = 1;
    epoch_order(&e, 3, plain);
    int64_t bucket = each * buckets; /* buckets hold the same examples as without sorting */
    for (int64_t at = 0; at < n; at += bucket) {
        int64_t sum = 0, end = at + bucket < n ? at + bucket : n;
        for (int64_t i = at; i < end; i++) sum += order[i] * order[i] - plain[i] * plain[i];
        check(sum == 0, "a bucket has its examples", n, each, buckets);
    }
    int64_t moved = 0; /* batches of a bucket do not come by length */
    for (int64_t i = each; i + each <= n && i < bucket; i += each)
        moved += length_of(&e, order[i]) < length_of(&e, order[i - each]);
    if (buckets > 4 && n >= bucket) check(shuffled ? moved > 0 : moved == 0, "the order of batches", n, each, buckets);
}

int main(void)
{
    static const int64_t sizes[][3] = { { 1, 1, 1 }, { 1, 4, 3 }, { 7, 3, 2 }, { 100, 8, 1 }, { 100, 8, 5 }, { 96, 8, 12 },
                                        { 97, 8, 100 }, { 1000, 32, 10 }, { 1999, 16, 25 }, { 50, 50, 3 }, { 50, 1, 50 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int shuffled = 0; shuffled < 2; shuffled++) test(sizes[i][0], sizes[i][1], sizes[i][2], shuffled);
    printf("order: %d passed, %d failed\n", passed, failed);
    return failed != 0;
}
