/* max.c -- the largest number of each column over a sequence's rows. */
#define MAX_NAME "max"
#include "max.h"
