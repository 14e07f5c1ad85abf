/* global_max.c -- `max` by the name that says beside `max_pool1d` what it is. */
#define MAX_NAME "global_max"
#include "max.h"
