/* wiring.h -- the layers of an experiment as a table. */
#ifndef WIRING_H
#define WIRING_H
#include "../../host/experiment.h"
void print_graph(experiment *);
#endif
