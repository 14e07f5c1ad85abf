/* probe.h -- a layer or loss alone in a graph, fed from made-up examples: ragged, empty, nested, with equal lengths.
 *
 * All its outputs and states count as read, and all its real inputs, parameters and initial states have gradients. Every
 * buffer lies at a page that may not be touched. Numbers are functions of (example, steps, column), so that an example has
 * the same ones in every batch.                                                                                   */
#ifndef PROBE_H
#define PROBE_H
#include "../../host/experiment.h"
#include "../../host/plan.h"

enum { EXAMPLES = 8, MOST_INPUTS = 4 };

/* An input as the probe offers it. */
typedef struct offer { int32_t layout; int64_t width, classes; uint32_t means; } offer; /* classes: ids; else real   */
#define REALS(layout, width) { layout, width, 0, TN_VALUES }
#define MEANT(layout, width, means) { layout, width, 0, means } /* TN_PROBABILITIES ...: numbers that can be such   */
#define IDS(layout, classes) { layout, 1, classes, TN_IDS }
enum { L_ROOT = 1, L_TEXT, L_CHARS, L_TARGET };              /* layouts of the probe: chars lie inside text         */

typedef struct probe {
    arena memory;
    tn_host host;
    diag *messages;
    registry *plugins;
    part_context context;
    data data;
    graph *graph;
    node *node;
    tn_part *part;
    tn_be be; void *backend_self; const tn_backend *backend;
    batch batch;
    int set;                               /* backward gets TN_C_SET                                                */
    int64_t piece;                         /* gradients come by so many columns where TN_BY_COLUMNS; 0: by all      */
    int alone, own;                        /* forward gets TN_C_ALONE, TN_C_OWN                                      */
    int training, indexed;                 /* indexed: real inputs come once a distinct row                          */
    int zero_d_out, zero_d_next;           /* these gradients are zero                                               */
    int guards_layouts;                    /* the arrays of layouts, too, lie at forbidden pages                     */
    const char *path, *name; uint32_t kind;
} probe;

/* Where plug-ins are looked for: other parts that the one in question is made with. */
void probe_places(const char *const *);
registry *probe_registry(arena *);
/* The part alone, with these options (TOML), and a backend; 0, or < 0: its options are refused. */
int  probe_part(probe *, const char *path, uint32_t kind, const char *name, const char *options);
/* The part on these inputs, in a graph; 0, or < 0: it refuses them, host.error says why. */
int  probe_open(probe *, const char *path, uint32_t kind, const char *name, const char *options, const offer *, int n);
/* Such inputs alone, for the part that probe_part opened; their specs in in[]. 0, or < 0. */
int  probe_inputs(probe *, const offer *, int n, const tn_spec **in);
void probe_bind(probe *, const int64_t *example, int n);
/* Forward on the bound batch with everything unwritten poisoned; 0 or < 0. */
int  probe_forward(probe *);
/* The sum of all outputs and states, weighted by fixed random numbers. */
double probe_sum(const probe *);
/* Backward and gradient of that sum; gradients start at `prefill`. */
int  probe_backward(probe *, float prefill);
void probe_close(probe *);

/* What has a gradient: inputs, parameters, initial states, of the part and its children. */
typedef struct tensor { const char *what; slot *s; int is_parameter; int32_t layout; } tensor;
int  probe_wanted(probe *, tensor *list, int most);
/* What comes out: outputs and states. */
int  probe_results(probe *, tensor *list, int most);
int64_t tensor_elements(const tn_tensor *);
/* A number that names row r of a layout by its example and steps: the same in every batch. */
uint64_t row_key(const probe *, const tn_layout *, int32_t r);
float made_up(uint64_t key, uint64_t element);                /* in [-1, 1)                                          */
uint64_t mixed(uint64_t a, uint64_t b);

/* guard.c: memory between forbidden pages, and a backend that cuts loops at random. */
void  guard_before(int yes);               /* new buffers begin right after such a page; else they end at one        */
const char *guard_place(const void *address); /* where among the buffers a forbidden address lies, in words          */
void *guard_alloc(tn_be *, size_t n);
void  guard_release(tn_be *, void *);
const char *guard_check(void);             /* NULL: no byte behind a buffer was written                              */
void  guard_reset(void);
const tn_ops *random_cuts(const tn_ops *, uint64_t seed);
#endif
