/* progress.h -- how training shows itself on stderr: one line that changes on a terminal; plain lines, at evaluations and
 * now and then, in a file or a pipe. There is one training at a time, so this module keeps its own state.         */
#ifndef PROGRESS_H
#define PROGRESS_H
#include "experiment.h"
void progress_begin(int64_t epochs, int64_t epoch_steps, int64_t steps, int64_t step, int quiet);
void progress_step(int64_t epoch, int64_t epoch_step, int64_t step, double loss, double rate, int64_t examples);
void progress_evaluation(int64_t epoch, int64_t step, const score *, int n);
void progress_end(void);
#endif
