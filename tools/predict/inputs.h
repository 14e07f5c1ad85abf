/* inputs.h -- what a line must hold for a network to answer it, and what is assumed of fields that no line can give. */
#ifndef INPUTS_H
#define INPUTS_H
#include "../../host/experiment.h"

/* The columns that a line holds, in the order of the file's fields; their number. column: as many as there are fields. */
int input_columns(experiment *, const char **column);
/* Says how many steps the fields have that the network learns and whose lengths it reads: given, or where that is 0 as many as
 * all sequences of training had. The number of these fields; < 0: it is not known, with the message in the host's error. */
int assume_steps(experiment *, int64_t given);
#endif
