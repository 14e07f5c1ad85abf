/* checks.h -- one check: a function that runs in a child process and returns NULL, or the fault in words (static or from
 * fault()). main.c runs them, and knows the faults that only a parent can see: a crash, a loop without end, memory.  */
#ifndef CHECKS_H
#define CHECKS_H
#include "probe.h"

/* A sanitizer brings its own handlers and maps memory of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

typedef struct subject {                   /* what is checked                                                       */
    const char *path, *name, *options;
    uint32_t kind;
    offer offer[MOST_INPUTS]; int n;
    const char *shown;                     /* the inputs in words                                                   */
    uint64_t seed;
    int quick;                             /* one option of many: two batches are enough for finite differences      */
} subject;
typedef const char *check_fn(const subject *);
typedef struct check { const char *name; check_fn *run; } check;

/* Each ends with a NULL name. */
extern const check layer_checks[], null_checks[], again_checks[], contract_checks[], other_checks[];
const char *fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Candidates of inputs for a layer or a loss; *n of them. */
const offer (*offers_of(uint32_t kind, uint32_t inputs, int *n))[MOST_INPUTS];
/* nulls.c: what came out of a run, to be compared with another. */
enum { MOST_SNAPS = 96 };
enum { SNAP_OUT = 1, SNAP_NEXT = 2,        /* values; of the others, gradients                                       */
       SNAP_IN = 4, SNAP_STATE = 8, SNAP_PARAM = 16, SNAP_ALL = 31 };
typedef struct snapshot {
    int n, kind[MOST_SNAPS];
    const char *what[MOST_SNAPS];
    float *v[MOST_SNAPS];
    int64_t elements[MOST_SNAPS];
} snapshot;
const char *snapshot_run(probe *, snapshot *);    /* all phases; NULL, or the fault                                  */
/* Those of the kinds that both have. tolerance 0: bit by bit. */
const char *snapshot_differs(const snapshot *, const snapshot *, int kinds, double tolerance, const char *how);
/* layer.c: the least that must hold whatever the options: writes its rows, alone as in the batch, finite differences. */
const char *check_quickly(const subject *);
/* again.c: what save writes, load reads, and takes no less. */
const char *check_saved(const subject *);
/* options.c: options as TOML. Draw 0 is the default, with sizes made small; others are drawn from the ranges. */
const char *draw_options(arena *, const tn_desc *, int draw, uint64_t seed);
/* Each option in turn at the ends of its range (every choice of an enumeration), the others by default. */
typedef struct option_end { const char *options, *changed; } option_end; /* changed: the one option, in words         */
int option_ends(arena *, registry *, const tn_desc *, option_end *, int most);
/* The same with a value for each option that names a file; NULL: none does. */
const char *file_options(arena *, const tn_desc *, const char *options, const char *path);
/* transforms.c, metrics.c, datasets.c: parts of their kind; others pass. */
const char *check_transform(const subject *), *check_metric(const subject *), *check_dataset(const subject *);
/* transforms.c: what is wrong with a value that a column of this kind has; any_text: it need not be UTF-8. NULL: nothing. */
const char *value_fault(const tn_value *, const tn_column *, int any_text);
uint64_t hash_value(const tn_value *);
void *at_end(const void *, size_t n);      /* a copy whose last byte is the last that may be read                    */
/* child.c: runs a check in a child. NULL, or the fault. *died (may be NULL): 0 where it came to the end of the check;
 * CHILD_SPENT: it did not before its time or memory was used up. */
enum { CHILD_CRASHED = 1, CHILD_SPENT };
const char *in_child(check_fn *run, const subject *, int *died);
void child_seconds(const char *text);      /* the limit on processor time; NULL or not a number: as it was           */
/* process.c: what the part did to the process it runs in. */
void process_before(const char *path);
const char *process_after(void);           /* NULL, or: changed MXCSR, wrote a global                                */
const char *exported_symbols(const char *path); /* NULL, or the symbols that it should not export                    */
#endif
