/* published.h -- a network against what is published of it. */
#ifndef PUBLISHED_H
#define PUBLISHED_H
#include "../../host/experiment.h"

/* [published] parameters against those of the network, whose data were read. 0, or an exit code after a message. */
int published_parameters(experiment *);
#endif
