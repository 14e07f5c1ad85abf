/* train.h -- the training loop of one run directory.
 *
 * train.c  the loop: batches, steps, evaluations, stopping, best weights, the final test
 * state.c  everything that a resume needs, to and from a checkpoint                                             */
#ifndef TRAIN_H
#define TRAIN_H
#include <signal.h>
#include "optimize.h"

typedef struct trainer {
    experiment *e;
    optimizer update;
    const char *folder;                    /* the run directory                                                 */
    const volatile sig_atomic_t *interrupted; /* set by a signal: finish the step, write a checkpoint, return    */
    int quiet, threads;

    int64_t step, epoch, epoch_step;       /* steps done in all; epoch from 1; steps done in it                 */
    int64_t epoch_steps, steps;            /* in one epoch; planned in all                                      */
    int evaluated;                         /* the epoch's evaluation is done and logged                         */
    double epoch_loss; int64_t epoch_examples; /* loss times examples, examples: the mean is train.loss         */
    double best; int64_t best_step;        /* best_step 0: none yet                                             */
    const char **name; int n_names;        /* of the scores that each evaluation gives                          */
    double *history; int n_history;        /* [n_history x n_names]                                             */
    const double *watched; int n_watched;  /* of it, what the schedule looks at: constant over an epoch         */
    const char *why;                       /* why it stopped; NULL: all epochs done                             */
    double seconds;                        /* training time of this process                                     */
    double test_seconds;                   /* of the evaluation of the test split                                */
    double preparing;                      /* of which steps waited for their batch                             */
    double building;                       /* of batches, in steps or beside them                               */

    int64_t *order;                        /* examples of this epoch in the order of training                   */
    int64_t order_epoch;
    const batch *batch;                    /* of the step                                                       */
    double rate;
} trainer;

/* Ready to train from step 0. The experiment has its data and a started graph with first values. */
int  trainer_open(trainer *, experiment *, const char *folder);
/* Trains to the end, to a stop, to an interruption. 0 done (or stopped by a rule), TN_END interrupted, < 0 failed with
 * the message in the host's error. A checkpoint is on disk in every case.                                        */
int  trainer_run(trainer *);
/* Best (or last) weights in place: the scores of the final evaluation. */
int  trainer_final(trainer *, score **scores, int *n);
void trainer_close(trainer *);
/* order.c: the training examples of an epoch in the order of its batches, [count of the split]: a Fisher-Yates shuffle
 * keyed by (seed, epoch), or the order of the file; then by length within buckets where the file asks for it. */
void epoch_order(const experiment *, int64_t epoch, int64_t *order);

/* state.c */
int  trainer_save(trainer *);              /* checkpoints/step-NNNNNNNN.safetensors; older ones are pruned       */
int  trainer_save_best(trainer *);         /* checkpoints/best.safetensors: parameters alone                    */
/* From the newest checkpoint that is whole; each damaged one is told through the host's log. TN_END: the run was
 * stopped before its first checkpoint was written, so it starts anew. */
int  trainer_restore(trainer *);
/* Parameters alone, their average where one was kept: best weights where there are any and `best` is set, else the newest
 * checkpoint's. */
int  weights_restore(experiment *, const char *folder, int best);
#endif
