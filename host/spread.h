/* spread.h -- a score over several runs. */
#ifndef SPREAD_H
#define SPREAD_H

typedef struct spread {
    int n;
    double mean, least, most;              /* NaN, INFINITY and -INFINITY of none                               */
    double deviation;                      /* of one run, estimated from these: over n - 1; 0 of fewer than two */
} spread;

/* Of x[0 .. n - 1]. A NaN among them makes mean and deviation NaN. */
spread spread_of(const double *x, int n);
#endif
