/* The threads of the cpu backend: parallel_for over pieces that are handed out as threads come free, numbers below
 * the smallest normal one flushed to zero in every thread, scratch memory for each. What a body computes must not
 * depend on how the range is cut; then results do not depend on the number of threads.                      */
#ifndef CPU_POOL_H
#define CPU_POOL_H
#include "tenon/tenon.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

enum { POOL_MAX = 1024, POOL_SPIN = 4000 };   /* spin: some 20 us, then a thread sleeps */

/* The word `job`. A worker joins a job while it is open, and the caller, once no piece is left, closes it and waits for those
 * alone that joined: one that the system does not let run holds up nobody, where other programs or more threads than
 * processors want the same ones. */
#define JOB_IN     1ull                          /* a worker                                                     */
#define JOB_CLOSED (1ull << 32)
#define JOB_NUMBER (1ull << 33)
static inline unsigned long long job_number(unsigned long long job) { return job / JOB_NUMBER; }
static inline unsigned long long job_workers(unsigned long long job) { return job % JOB_CLOSED; }

typedef struct pool pool;
typedef struct pool_thread { pool *of; pthread_t id; float *scratch; } pool_thread;
struct pool {
    int32_t threads, slots;                  /* with the caller; slots whose scratch exists                  */
    int32_t workers;                         /* that have been started                                       */
    pthread_key_t mine;                      /* the pool_thread of a thread while it computes                */
    pthread_mutex_t gate, lock;              /* gate: one outside caller at a time; lock: for sleepers       */
    pthread_cond_t wake, done;
    atomic_ullong job;                       /* its number, whether it is closed, how many workers are in it */
    atomic_int sleepers, quit, waiting;
    atomic_llong next;                       /* first index that nobody has taken                            */
    int64_t n, grain;
    void (*body)(void *, int64_t, int64_t);
    void *ctx;
    uint64_t mode;                           /* floating-point mode of the starting thread before start      */
    pool_thread *thread;
};

static inline void pool_pause(void)
{
#if defined(__SSE__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Turns flushing to zero on; gives back the mode before. */
static inline uint64_t float_mode_flush(void)
{
#if defined(__SSE__)
    unsigned before = _mm_getcsr();
    if ((before & 0x8040u) != 0x8040u) _mm_setcsr(before | 0x8040u);
    return before;
#elif defined(__aarch64__)
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
    return before;
#else
    return 0;
#endif
}

static inline void float_mode_restore(uint64_t mode)
{
#if defined(__SSE__)
    if (_mm_getcsr() != (unsigned)mode) _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)mode;
#endif
}

/* Takes pieces until none is left: large ones first and ever smaller ones, so that the threads end together. */
static void pool_work(pool *p)
{
    long long from = atomic_load(&p->next);
    while (from < p->n) {
        long long left = p->n - from, take = left / (2 * p->threads);
        if (take < p->grain) take = p->grain < left ? p->grain : left;
        if (!atomic_compare_exchange_weak(&p->next, &from, from + take)) continue;
        p->body(p->ctx, from, from + take);
        from = atomic_load(&p->next);
    }
}

/* Waits for a job after number `seen`, a moment awake and then asleep. */
static void pool_await(pool *p, unsigned long long seen)
{
    for (int i = 0; i < POOL_SPIN && job_number(atomic_load(&p->job)) == seen; i++) pool_pause();
    if (job_number(atomic_load(&p->job)) != seen) return;
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleepers, 1);
    while (job_number(atomic_load(&p->job)) == seen) pthread_cond_wait(&p->wake, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
}

static void *pool_worker(void *argument)
{
    pool_thread *me = argument;
    pool *p = me->of;
    unsigned long long job = 0;
    float_mode_flush();
    pthread_setspecific(p->mine, me);
    for (;;) {
        pool_await(p, job_number(job));
        job = atomic_load(&p->job);
        if (atomic_load(&p->quit)) return NULL;
        while (!(job & JOB_CLOSED) && !atomic_compare_exchange_weak(&p->job, &job, job + JOB_IN)) { }
        if (job & JOB_CLOSED) continue;
        pool_work(p);
        if (atomic_fetch_sub(&p->job, JOB_IN) % JOB_NUMBER == JOB_CLOSED + JOB_IN && atomic_load(&p->waiting)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->done);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

/* The thread that computes here, or NULL for one that comes from outside. */
static pool_thread *pool_inside(pool *p)
{
    return pthread_getspecific(p->mine);
}

/* An outside thread comes in: becomes thread 0, one at a time. Every enter has its leave. */
static uint64_t pool_enter(pool *p)
{
    pthread_mutex_lock(&p->gate);
    pthread_setspecific(p->mine, &p->thread[0]);
    return float_mode_flush();
}

static void pool_leave(pool *p, uint64_t mode)
{
    float_mode_restore(mode);
    pthread_setspecific(p->mine, NULL);
    pthread_mutex_unlock(&p->gate);
}

/* Opens the job of p->body to all workers. */
static void pool_begin(pool *p)
{
    atomic_store(&p->next, 0);
    atomic_store(&p->job, (job_number(atomic_load(&p->job)) + 1) * JOB_NUMBER);
    if (!atomic_load(&p->sleepers)) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void pool_finish(pool *p)
{
    if (!job_workers(atomic_fetch_or(&p->job, JOB_CLOSED))) return;
    for (int i = 0; i < POOL_SPIN && job_workers(atomic_load(&p->job)); i++) pool_pause();
    if (!job_workers(atomic_load(&p->job))) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->waiting, 1);
    while (job_workers(atomic_load(&p->job))) pthread_cond_wait(&p->done, &p->lock);
    atomic_store(&p->waiting, 0);
    pthread_mutex_unlock(&p->lock);
}

/* body over [0, n) in pieces of at least grain; within a body, on the calling thread alone. */
static void pool_for(pool *p, int64_t n, int64_t grain, void (*body)(void *, int64_t, int64_t), void *ctx)
{
    if (n <= 0) return;
    if (pool_inside(p)) {
        body(ctx, 0, n);
        return;
    }
    uint64_t mode = pool_enter(p);
    if (p->workers == 0 || n <= grain) {
        body(ctx, 0, n);
    } else {
        p->n = n, p->grain = grain > 0 ? grain : 1, p->body = body, p->ctx = ctx;
        pool_begin(p);
        pool_work(p);
        pool_finish(p);
    }
    pool_leave(p, mode);
}

static void pool_stop(pool *p)
{
    atomic_store(&p->quit, 1);
    pool_begin(p);
    for (int32_t i = 1; i <= p->workers; i++) pthread_join(p->thread[i].id, NULL);
    for (int32_t i = 0; i < p->slots; i++) free(p->thread[i].scratch);
    free(p->thread);
    pthread_key_delete(p->mine);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->gate);
    float_mode_restore(p->mode);
}

/* threads in all, with the caller's; floats of scratch for each. Fewer may start: results are the same. */
static int pool_start(pool *p, int32_t threads, size_t floats)
{
    if (threads < 1 || threads > POOL_MAX) return TN_EINVAL;
    if (pthread_key_create(&p->mine, NULL)) return TN_ENOMEM;
    pthread_mutex_init(&p->gate, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    p->mode = float_mode_flush();
    p->threads = 1;
    p->thread = calloc((size_t)threads, sizeof *p->thread);
    for (; p->thread && p->slots < threads; p->slots++) {
        pool_thread *t = &p->thread[p->slots];
        t->of = p;
        if (!(t->scratch = aligned_alloc(64, floats * sizeof(float)))) break;
        memset(t->scratch, 0, floats * sizeof(float));
        if (p->slots == 0) continue;
        if (pthread_create(&t->id, NULL, pool_worker, t)) {
            free(t->scratch);
            break;
        }
        p->workers++;
        p->threads++;
    }
    if (p->slots) return TN_OK;
    pool_stop(p);
    return TN_ENOMEM;
}
#endif
