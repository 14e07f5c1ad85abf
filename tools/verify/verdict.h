/* verdict.h -- what the runs of an experiment reach of what is published. */
#ifndef VERDICT_H
#define VERDICT_H
#include "record.h"

void print_heading(void);
/* A line for each figure and, where there are several, one for all of them; json: one object. */
void print_verdict(const experiment *, const record *, int json);
/* Some figure is missed. */
int  some_missed(const experiment *, const record *);
/* The record is stale, or lacks runs or figures. */
int  not_whole(const experiment *, const record *);
#endif
