/* checks.h -- one check: a function that runs in a child process and returns NULL, or the fault in words (static or from
 * fault()). main.c runs them, and knows the faults that only a parent can see: a crash, a loop without end.          */
#ifndef CHECKS_H
#define CHECKS_H
#include "probe.h"

typedef struct subject {                   /* what is checked                                                       */
    const char *path, *name, *options;
    uint32_t kind;
    offer offer[MOST_INPUTS]; int n;
    const char *shown;                     /* the inputs in words                                                   */
    uint64_t seed;
} subject;
typedef const char *check_fn(const subject *);
typedef struct check { const char *name; check_fn *run; } check;

extern const check layer_checks[], contract_checks[], activation_checks[], other_checks[]; /* end with a NULL name                      */
const char *fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Candidates of inputs for a layer or a loss; *n of them. */
const offer (*offers_of(uint32_t kind, uint32_t inputs, int *n))[MOST_INPUTS];
/* process.c: what the part did to the process it runs in. */
void process_before(const char *path);
const char *process_after(void);           /* NULL, or: changed MXCSR, wrote a global                                */
const char *exported_symbols(const char *path); /* NULL, or the symbols that it should not export                    */
#endif
