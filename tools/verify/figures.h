/* figures.h -- what a finished run has of the figures that are published. */
#ifndef FIGURES_H
#define FIGURES_H
#include <jansson.h>
#include "../../host/command_line.h"

/* Value of each figure, NaN where such a run has none; 0, or an exit code after a message. A figure is a score of results.json, a
 * score on the training split (train.rmse) with the weights that were kept, for which the run is evaluated, or
 *     run.stopped    1 where a [[stop]] ended it, 0 where all epochs were done
 *     run.steps      steps that it took where a [[stop]] ended it; others have none                                  */
int  run_figures(experiment *, const arguments *, const command_env *, const char *folder, double *value);
/* Starts `tenon` with these arguments; its exit code. What it prints is read as JSON, or dropped where said is NULL. */
int  start_tenon(char *const *argument, json_t **said);
#endif
