/* ahead.c -- two batches: the one that was taken last, and the one after it, which a thread builds meanwhile. Only one is
 * ever being built, by that thread or by the one that takes, so they share the numbers that index_build needs.
 *
 * Whoever takes waits until nothing is being built and then alone looks at both. Where the thread has not begun, because
 * others had the processors, it is not waited for: the batch is built where it is taken. `lock` guards `work` and `quit`,
 * and with them everything that passes from one thread to the other.                                                 */
#include <pthread.h>
#include <time.h>
#include "ahead.h"

enum { NONE = -1 };
enum { IDLE, ASKED, BUILDING };            /* the thread's work                                                    */

struct ahead {
    graph *graph;
    batch_list list;
    batch of[2];
    int next;                              /* of[next] is, or will be, the one after that which was taken last    */
    int64_t number; int rc;                /* of the batch in of[next], or NONE; how building it went             */
    tn_host host;                          /* why it failed                                                       */
    int32_t *slot_of;                      /* for index_build                                                     */
    int64_t *example, examples;            /* numbers of a batch in the order of the file; room for so many       */

    int aside, started;                    /* a thread is to build; it runs                                       */
    int work, quit;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one batch ------------------------------------------------------------------------------------------------ */
/* The examples of batch k. */
static const int64_t *examples_of(ahead *a, int64_t k, int32_t *n)
{
    int64_t at = k * a->list.size, left = a->list.count - at;
    *n = (int32_t)(left < a->list.size ? left : a->list.size);
    if (a->list.example) return a->list.example + at;
    for (int32_t i = 0; i < *n; i++) a->example[i] = at + i;
    return a->example;
}

static void build_next(ahead *a)
{
    double began = now();
    batch *b = &a->of[a->next];
    int32_t n;
    const int64_t *example = examples_of(a, a->number, &n);
    b->replaces = a->list.replaces, b->rng = a->list.rng;
    host_clear(&a->host);
    a->rc = batch_build(a->graph, b, a->list.split, example, n);
    b->seconds = now() - began;
}

/* ---- the thread ----------------------------------------------------------------------------------------------- */
static void *worker(void *argument)
{
    ahead *a = argument;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (a->work != ASKED && !a->quit) pthread_cond_wait(&a->wake, &a->lock);
        if (a->quit) break;
        a->work = BUILDING;
        pthread_mutex_unlock(&a->lock);
        build_next(a);
        pthread_mutex_lock(&a->lock);
        a->work = IDLE;
        pthread_cond_signal(&a->done);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* Has batch k built meanwhile, where there is a thread for it. */
static void begin_building(ahead *a, int64_t k)
{
    if (!a->aside || k >= ahead_batches(a)) return;
    if (!a->started && pthread_create(&a->thread, NULL, worker, a)) {
        a->aside = 0; /* no thread to be had: the batches are the same without */
        return;
    }
    a->started = 1;
    a->number = k;
    pthread_mutex_lock(&a->lock);
    a->work = ASKED;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
}

static void wait_until_built(ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->work == BUILDING) pthread_cond_wait(&a->done, &a->lock);
    if (a->work == ASKED) a->number = NONE;
    a->work = IDLE;
    pthread_mutex_unlock(&a->lock);
}

/* ---- the list ------------------------------------------------------------------------------------------------- */
ahead *ahead_new(graph *g, int threads)
{
    ahead *a = memory_new(sizeof *a);
    a->graph = g, a->aside = threads > 1, a->number = NONE;
    a->slot_of = slots_new(g);
    for (int i = 0; i < 2; i++) a->of[i].host = &a->host, a->of[i].slot_of = a->slot_of;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->wake, NULL);
    pthread_cond_init(&a->done, NULL);
    return a;
}

void ahead_begin(ahead *a, const batch_list *list)
{
    ahead_end(a);
    a->list = *list;
    if (list->example || list->size <= a->examples) return;
    memory_free(a->example);
    a->example = memory_new(sizeof *a->example * (size_t)list->size);
    a->examples = list->size;
}

int64_t ahead_batches(const ahead *a) { return (a->list.count + a->list.size - 1) / a->list.size; }

int ahead_measure(ahead *a)
{
    int rc = 0;
    ahead_end(a);
    host_clear(&a->host);
    for (int64_t k = 0; k < ahead_batches(a) && !rc; k++) {
        int32_t n;
        const int64_t *example = examples_of(a, k, &n);
        rc = batch_measure(a->graph, &a->of[0], a->list.split, example, n);
    }
    scratch_reset(&a->of[0].memory);
    scratch_reserve(&a->of[1].memory, a->of[0].memory.size);
    return rc ? host_fail(a->graph->context->host, rc, "%s", a->host.error) : 0;
}

int ahead_take(ahead *a, int64_t k, const batch **b)
{
    wait_until_built(a);
    if (a->number != k) {
        a->number = k;
        build_next(a);
    }
    a->number = NONE;
    if (a->rc) return host_fail(a->graph->context->host, a->rc, "%s", a->host.error);
    *b = &a->of[a->next];
    a->next = !a->next;
    begin_building(a, k + 1);
    return 0;
}

void ahead_end(ahead *a)
{
    wait_until_built(a);
    a->number = NONE;
}

void ahead_free(ahead *a)
{
    if (!a) return;
    pthread_mutex_lock(&a->lock);
    a->quit = 1;
    pthread_cond_signal(&a->wake);
    pthread_mutex_unlock(&a->lock);
    if (a->started) pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->wake);
    pthread_cond_destroy(&a->done);
    pthread_mutex_destroy(&a->lock);
    for (int i = 0; i < 2; i++) scratch_free(&a->of[i].memory);
    memory_free(a->slot_of);
    memory_free(a->example);
    memory_free(a);
}
