/* published.h -- [published]: the figures that an experiment is to reach, and what is accepted of them. */
#ifndef PUBLISHED_H
#define PUBLISHED_H
#include "config.h"

enum { MOST_FIGURES = 16, MOST_SEEDS = 1000 };
typedef struct figure {
    const char *metric;                    /* a score, or run.stopped, run.steps: see tools/verify/figures.h   */
    where at;                              /* of its name                                                     */
    double value; int has_value;           /* as published                                                    */
    const config_value *accept;            /* NULL: nothing is asked for                                      */
} figure;
typedef struct published {
    figure figure[MOST_FIGURES]; int n;    /* that of the block itself first; 0: it has none                  */
    int seeds;                             /* as many runs, of the seeds from the experiment's own on         */
} published;

/* Of a root table. Mistakes go to diag; elsewhere: as for config_unused. */
void published_read(published *, config_value *root, const char *const (*elsewhere)[2], diag *);
#endif
