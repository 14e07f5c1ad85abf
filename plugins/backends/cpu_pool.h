/* cpu_pool.h -- the threads of the cpu backend: persistent workers that take pieces of one job at a time.
 *
 * Workers sleep in the kernel between jobs after a short spin. Pieces have a fixed size and are handed out in order, the
 * caller works too, and nothing that a piece computes may depend on who takes it.                                */
#ifndef CPU_POOL_H
#define CPU_POOL_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef void pool_body(void *ctx, int64_t from, int64_t to);
typedef struct pool {
    int threads;                           /* the caller's among them                                              */
    pthread_t *worker;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    atomic_uint job;                       /* number of the job; changes when there is a new one                   */
    atomic_int working;                    /* workers that have not finished the job                               */
    int sleeping, quit;                    /* under lock                                                           */
    pool_body *body; void *ctx;
    int64_t n, piece;
    atomic_llong next;
} pool;

/* Inside a body the same thread runs nested loops itself. */
static _Thread_local int pool_inside;

/* Denormals are zero, in every thread alike: x86's FTZ and DAZ bits. Returns the mode before. */
static unsigned flush_denormals(void)
{
#if defined(__x86_64__)
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040);
    return mode;
#else
    return 0;
#endif
}

static void restore_mode(unsigned mode)
{
#if defined(__x86_64__)
    _mm_setcsr(mode);
#else
    (void)mode;
#endif
}

static void pool_pause(void)
{
#if defined(__x86_64__)
    _mm_pause();
#endif
}

static void take_pieces(pool *p)
{
    pool_inside = 1;
    for (;;) {
        int64_t from = atomic_fetch_add(&p->next, p->piece);
        if (from >= p->n) break;
        p->body(p->ctx, from, from + p->piece < p->n ? from + p->piece : p->n);
    }
    pool_inside = 0;
}

static void *pool_worker(void *arg)
{
    pool *p = arg;
    unsigned seen = 0;
    flush_denormals();
    for (;;) {
        for (int spin = 0; spin < 4000 && atomic_load(&p->job) == seen; spin++) pool_pause();
        pthread_mutex_lock(&p->lock);
        while (atomic_load(&p->job) == seen && !p->quit) {
            p->sleeping++;
            pthread_cond_wait(&p->wake, &p->lock);
            p->sleeping--;
        }
        seen = atomic_load(&p->job);
        int quit = p->quit;
        pthread_mutex_unlock(&p->lock);
        if (quit) return NULL;
        take_pieces(p);
        if (atomic_fetch_sub(&p->working, 1) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->done);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

/* Runs body over [0, n) in pieces of a fixed size: a few for each thread, so that uneven pieces even out. */
static void pool_run(pool *p, int64_t n, int64_t grain, pool_body *body, void *ctx)
{
    if (n <= 0) return;
    if (grain < 1) grain = 1;
    if (p->threads == 1 || pool_inside || n <= grain) {
        int was = pool_inside;
        pool_inside = 1;
        body(ctx, 0, n);
        pool_inside = was;
        return;
    }
    int64_t piece = (n + p->threads - 1) / p->threads;
    if (piece > 4 * grain) piece = (piece + 1) / 2;
    p->body = body, p->ctx = ctx, p->n = n, p->piece = piece > grain ? piece : grain;
    atomic_store(&p->next, 0);
    atomic_store(&p->working, p->threads - 1);
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->job, 1);
    if (p->sleeping) pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    take_pieces(p);
    for (int spin = 0; spin < 4000 && atomic_load(&p->working); spin++) pool_pause();
    if (atomic_load(&p->working)) {
        pthread_mutex_lock(&p->lock);
        while (atomic_load(&p->working)) pthread_cond_wait(&p->done, &p->lock);
        pthread_mutex_unlock(&p->lock);
    }
}

static int pool_start(pool *p, int threads)
{
    memset(p, 0, sizeof *p);
    p->threads = 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    p->worker = calloc((size_t)threads, sizeof *p->worker);
    if (!p->worker) return -1;
    for (; p->threads < threads; p->threads++)
        if (pthread_create(&p->worker[p->threads], NULL, pool_worker, p)) break; /* fewer threads, the same results */
    return 0;
}

static void pool_stop(pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->quit = 1;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i < p->threads; i++) pthread_join(p->worker[i], NULL);
    free(p->worker);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
}
#endif
