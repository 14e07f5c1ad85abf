/* parameters.h -- a network's number of parameters against the one that is published. */
#ifndef PARAMETERS_H
#define PARAMETERS_H
#include "../../host/experiment.h"

/* [published] parameters against those of the network, whose data were read. 0, or an exit code after a message. */
int published_parameters(experiment *);
#endif
