/* runs.h -- the runs of an experiment: they are trained, or gone on with, and asked for the figures that are published. */
#ifndef RUNS_H
#define RUNS_H
#include "../../host/command_line.h"
#include "record.h"

/* Trains each seed that is not done, in --run DIR (runs/verify), and fills the record; 0, or an exit code after a message. */
int  run_seeds(experiment *, const arguments *, const command_env *, record *);
#endif
