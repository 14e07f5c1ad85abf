/* wiring.h -- the layers of an experiment as a table. */
#ifndef WIRING_H
#define WIRING_H
#include "../../host/experiment.h"

/* Whether all files that the data set reads are there. */
int data_is_there(const experiment *);
/* Reads the data before, as shapes follow from them, where they are there and no_data is 0; else says that it did not. 0 or an
 * exit code, after messages. */
int print_graph(experiment *, int no_data, int *has_data);
#endif
