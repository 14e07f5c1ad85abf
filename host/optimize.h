/* optimize.h -- one update of all parameters: penalties, clipping, optimizer, each in passes over flat memory. */
#ifndef OPTIMIZE_H
#define OPTIMIZE_H
#include "experiment.h"

typedef struct optimizer {
    experiment *e;
    int slots;                             /* most that a group's optimizer asks for                            */
    float *slot[8];                        /* [floats] each, as the flat parameters                             */
    struct run { int64_t from, n, width; int group, no_decay; parameter *sparse; } *run; int n_runs;
    double *partial; int64_t n_partial;    /* sums of squares by fixed blocks                                   */
} optimizer;

int  optimizer_open(optimizer *, experiment *);
/* Rate of a step (t from 1) for a group: schedule, warm-up. */
double optimizer_rate(const optimizer *, const tn_progress *, int which);
/* One update from graph->gradient, which is zero again afterwards; weights are packed anew. penalty: what the
 * regularizers add to the loss; norm: of the gradient before clipping.                                         */
int  optimizer_step(optimizer *, const tn_progress *, double *penalty, double *norm);
void optimizer_close(optimizer *);
#endif
