/* optimize.h -- one update of all parameters: penalties, clipping, the optimizer's step, gradients zero again. */
#ifndef OPTIMIZE_H
#define OPTIMIZE_H
#include "experiment.h"

enum { MAX_SLOTS = 8, MAX_PENALTIES = 64 };
/* A run: consecutive parameters that are treated alike; one that ids point into, or whose rows have a bound, stands alone. */
typedef struct update_run {
    int64_t from, n, width;                /* elements of the flat buffers; width: of a row where rows matter, else 1 */
    int group, no_decay;
    uint64_t penalties, constraints;       /* bit i: regularizer i                                               */
    parameter *sparse;                     /* NULL: all have gradients                                           */
} update_run;
typedef struct piece { int64_t from, n; int run; } piece;

typedef struct optimizer {
    experiment *e;
    int slots;                             /* most that a group's optimizer asks for                            */
    float *slot[MAX_SLOTS];                /* [floats] each, as the flat parameters                             */
    float *average; float share;           /* [floats] of the weights; NULL: none is wanted. Of this step's in it */
    update_run *run; int n_runs;
    piece *piece; int64_t n_pieces;        /* of the runs, in order: what one thread does at a time             */
    double *squares, *penalty;             /* [n_pieces], [n_pieces][regularizers]: sums of each piece          */
    tn_update *shared; float *numbers;     /* [groups], [groups][2][TN_NUMBERS]: the same for all pieces of a step */
    uint32_t *slots_of;                    /* [groups] how many the group's optimizer uses                      */
    float scale;                           /* of gradients, from clip_norm                                      */
    const tn_part *failed; int code;       /* a part that failed in this step, and how                          */
} optimizer;

int  optimizer_open(optimizer *, experiment *);
/* Rate of a step (t from 1) for a group: schedule, warm-up. */
double optimizer_rate(const optimizer *, const tn_progress *, int which);
/* One update from graph->gradient, which is zero again afterwards; weights are packed anew. penalty: what the
 * regularizers add to the loss; norm: of the gradient before clipping, 0 where nothing is clipped by it.       */
int  optimizer_step(optimizer *, const tn_progress *, double *penalty, double *norm);
/* The weights as they are now into the average, average += share (weights - average); and both exchanged. */
void optimizer_average(optimizer *, double share);
int  optimizer_swap(optimizer *);
void optimizer_close(optimizer *);
#endif
