/* graph.h -- layers and losses wired into a DAG, their slots planned, bound to batches and run.
 *
 * graph.c       graph_new: reads [[layer]] and [[loss]], resolves names, orders the nodes, has each part plan itself
 * plan.c        a node and its plan: the planning half of tn_api, add_out, add_param, add_child ...
 * batch.c       batch_build: layouts and field rows of some examples; graph_bind: every slot gets its rows
 * ahead.c       batches one after the other, built while the step before runs
 * buffers.c     memory of slots and parameters
 * initialize.c  first values of the parameters
 * kept.c        rows by id that forward passes alone keep from batch to batch
 * run.c         the phases
 * child.c       a part inside a part: the running half of tn_api, enter, run, enter_free, touch
 *
 * Fields, layers, ports and losses share one namespace: "words", "encoder", "encoder.state", "crf.decoded".     */
#ifndef GRAPH_H
#define GRAPH_H
#include "data.h"
#include "layout.h"

enum { MAX_IN = 16, MAX_OUT = 8, MAX_PARAM = 64, MAX_SAVED = 128, MAX_WORK = 96, MAX_STATE = 16, MAX_PACKED = 64,
       MAX_KEPT = 16, MAX_CHILDREN = 8, MAX_LAYOUTS = 64, MAX_PAIRS = 16 };
/* Groups of slots, in the order of tn_call's arrays. */
enum { DECODE_EVALUATION = 1, DECODE_TRAINING = 2 };
enum { G_IN, G_OUT, G_PARAM, G_SAVED, G_WORK, G_STATE, G_NEXT, G_COUNT };

typedef struct node node;
typedef struct graph graph;
typedef struct kept_ids kept_ids;          /* kept.c                                                             */

typedef struct slot {                      /* one tensor of the graph                                            */
    tn_spec spec;
    const char *name;                      /* port, parameter or state name; NULL: the output itself             */
    tn_tensor value, grad;                 /* data NULL: there is none                                           */
    size_t value_bytes, grad_bytes;        /* capacity of own buffers; 0 where data is a view                    */
    uint32_t flags;                        /* TN_S_* of states                                                   */
    int wants_gradient;                    /* something trainable lies upstream of it                            */
    int read, read_plain;                  /* some consumer reads it; one that cannot take rows by index         */
    int gradient_comes;                    /* some consumer adds to grad                                         */
    node *set_by;                          /* the first consumer to add in backward, where it can set instead    */
    int64_t piece;                         /* grad holds that many columns at a time; 0: all                     */
    kept_ids *known;                       /* ids in the tables of its readers; NULL: not all of them keep one   */
} slot;

typedef struct parameter {
    const char *name;                      /* "encoder.weight_ih"                                                */
    tn_param p;
    node *owner; uint32_t slot;            /* the layer whose initialize() is asked, and which of its slots      */
    int64_t rows, width, offset;           /* place in the flat buffers, in floats: a multiple of 16             */
    int frozen;
    int touched_more;                      /* ids fed back: every row counts as in use in this step                */
    int sparse;                            /* only rows that ids name are in use: gradients elsewhere are zero   */
    const int32_t *row; int64_t n_rows;         /* sparse: rows in use in this batch, ascending                       */
} parameter;

typedef struct packing {                   /* weights in panels for ops->product                                 */
    int param, transposed;
    uint32_t groups;
    int64_t k, units;
    void *data;
} packing;

typedef struct kept_table {                /* of add_kept                                                        */
    uint32_t input; int64_t width;
    tn_tensor value;
    int of_boss;                           /* of a child on its boss's input: which table of the boss it is      */
} kept_table;

typedef struct grown { tn_grow grow; int32_t id; int32_t from[8]; } grown;

struct node {
    graph *owner;
    const char *name;
    tn_part *part;                         /* NULL: a field                                                      */
    const tn_layer *layer;
    const tn_loss *loss;                   /* NULL: a layer                                                      */
    const tn_impl *impl;
    field *source;                         /* of a field                                                         */
    config_value *table;
    where at;
    int unknown;                           /* the part, or something upstream, does not exist: no shapes         */
    int trainable;                         /* has parameters that are not frozen                                 */
    uint32_t uses;                         /* what it said by api->uses                                          */
    uint64_t id;                           /* salt of its random numbers: a hash of its name                     */

    node *in_node[MAX_IN]; slot *in_slot[MAX_IN];
    char in_lengths[MAX_IN];               /* of that input it reads only how many steps there are (TN_PORT_LENGTHS) */
    node *state_node[MAX_STATE]; slot *state_slot[MAX_STATE]; /* initial_<state> = "..."                         */
    slot in[MAX_IN], out[MAX_OUT], param[MAX_PARAM], saved[MAX_SAVED], work[MAX_WORK], state[MAX_STATE], next[MAX_STATE];
    int count[G_COUNT];                    /* slots used in each group                                           */
    parameter *parameter[MAX_PARAM];
    packing packed[MAX_PACKED]; int n_packed;
    kept_table kept[MAX_KEPT]; int n_kept;
    grown grow[4]; int n_grow;
    slot decoded; int reads_decoded;       /* port .decoded; DECODE_*: when it is read                           */
    int feeds;                             /* its part feeds itself (TN_L_FEEDS), or one upstream does           */

    node *boss; uint32_t child_flags;      /* a part inside another part's options                               */
    node *child[MAX_CHILDREN]; int n_children;
    node *shares;                          /* whose parameters it has; NULL: its own                             */
    tn_spec const *child_out[MAX_OUT], *child_state[MAX_STATE]; const char *child_state_name[MAX_STATE];

    tn_call call;
    tn_tensor *at_in[MAX_IN], *at_out[MAX_OUT], *at_param[MAX_PARAM], *at_saved[MAX_SAVED], *at_work[MAX_WORK],
              *at_state[MAX_STATE], *at_next[MAX_STATE], *at_d_in[MAX_IN], *at_d_out[MAX_OUT], *at_d_param[MAX_PARAM],
              *at_d_state[MAX_STATE], *at_d_next[MAX_STATE], *at_kept[MAX_KEPT];
    const void *at_packed[MAX_PACKED];
    struct step_view *view;                /* of a stepped child: slices of its rows                             */
};

#define MOST_WEIGHT 1e6
#define REDUCTION_NAMES "mean", "sum", "sum_steps_mean_batch", "mean_steps_mean_batch"
typedef struct head {                      /* a loss in use                                                      */
    node *loss;
    double weight;                         /* in [-MOST_WEIGHT, MOST_WEIGHT]                                     */
    enum { REDUCE_MEAN, REDUCE_SUM, REDUCE_SUM_STEPS_MEAN_BATCH, REDUCE_MEAN_STEPS_MEAN_BATCH, REDUCTIONS } reduction;
    slot *count;                           /* its port .count: what a row counts for; NULL: 1                    */
    field *target;
} head;

typedef struct batch {
    int32_t n;
    const int64_t *example;                /* [n] of the split                                                   */
    int split;
    int replaces; tn_rng rng;              /* in training: words become unknown by the epoch's numbers, as fields ask for */
    tn_layout layout[MAX_LAYOUTS]; const tn_layout *layout_at[MAX_LAYOUTS];
    struct { int32_t a, b; tn_pairs p; } pairs[MAX_PAIRS]; int n_pairs;
    void **field_data;                     /* [fields] rows of each field that the graph reads                   */
    tn_index *field_index;                 /* [fields]                                                           */
    int32_t *ones, *iota;                  /* [most rows of a layout], for stepped children                      */
    tn_host *host; int32_t *slot_of;       /* built beside the main thread: for messages and index_build; NULL: the graph's */
    double seconds;                        /* that building it took (ahead.c)                                    */
    scratch memory;
} batch;

struct graph {
    part_context *context;
    data *data;
    arena *memory;
    tn_be be;
    uint64_t seed;
    node **field_node;                     /* [fields]                                                           */
    node **node; int n_nodes;              /* layers and losses in the order in which they run                   */
    head head[8]; int n_heads, n_targets;  /* the first n_targets compare with a target, the others are penalties */
    int32_t n_layouts, layout_parent[MAX_LAYOUTS];
    node *layout_maker[MAX_LAYOUTS]; int layout_grow[MAX_LAYOUTS];
    struct { int32_t a, b; } pairs[MAX_PAIRS]; int n_pairs;
    int32_t *slot_of; int64_t slot_of_n;   /* for index_build                                                    */

    parameter **parameter; int n_parameters;
    int64_t floats, values;                /* size of a flat buffer; parameter values in it (without padding)    */
    float *value, *gradient;
    int carries;                           /* some state goes on from batch to batch                             */
    double kept_bytes, kept_limit; int keeps; /* tables of all kept rows; keeps: they exist                       */
    int64_t reserved_rows[MAX_LAYOUTS], reserved_pairs[MAX_PAIRS];

    const batch *bound;
    int64_t step;                          /* of training, from 1; 0 outside                                     */
    int learns;                            /* gradient buffers exist                                             */
    double loss_sum[8], loss_by[8];        /* of the last forward, by head: a sum, and what it is divided by     */
    void *count; size_t count_bytes;       /* double [examples]: what the rows of each count for                 */
    tn_search search;                      /* how layers that feed themselves decode                             */
    node *planning;                        /* whose plan runs: for messages                                      */
};

/* graph.c. From the root table; mistakes go to diag, the graph is never NULL. Call again after data_read: sizes are
 * then those of the data.
 * other: the same graph with another stand-in for sizes that are not known yet (part_context), or NULL. What a part refuses here and
 * takes there is no mistake. */
graph *graph_new(part_context *, data *, config_value *root, uint64_t seed, const graph *other);
/* "encoder", "encoder.state", "words". NULL: no such name (the caller says so; nearest by graph_nearest). */
slot *graph_find(graph *, const char *name, node **of);
const char *graph_nearest(graph *, const char *name);
const tn_spec *graph_out(const node *);
uint64_t text_hash(const char *);          /* plan.c: salt of random numbers                                      */

/* buffers.c */
int  graph_allocate(graph *, tn_be);       /* parameters and gradients, zeroed; packed weights                    */
int  graph_pack(graph *);                  /* after every change of the parameters                                */
void graph_measure(graph *, const batch *);/* raises reserved_* to this batch                                     */
int  graph_reserve(graph *);               /* buffers for reserved_*                                              */
void graph_free(graph *);
double graph_bytes(const graph *, double *slots);/* parameters with gradients, packed weights; all slots as reserved */

/* kept.c */
void kept_trace(graph *);                  /* which outputs, once wired                                           */
double graph_kept_bytes(const graph *);    /* of all tables; 0: there are none, or kept_limit is less             */
void kept_open(graph *, int alone);        /* offers rows by index to the next forward pass, and tables if alone  */
void kept_forget(graph *);                 /* what was kept is wrong from now on                                  */
void kept_free(graph *);

/* initialize.c */
int  graph_initialize(graph *, config_value *root_initialize); /* first values of all parameters                  */
void graph_check_initializers(graph *);    /* mistakes in what the user wrote under `initializers`, to diag       */

/* batch.c */
/* With host and slot_of of its own, a batch may be built while another one is bound and runs. */
int  batch_build(graph *, batch *, int split, const int64_t *example, int32_t n);
/* Layouts and pairs alone, from lengths: raises reserved_*, and the scratch has room for the whole batch afterwards. */
int  batch_measure(graph *, batch *, int split, const int64_t *example, int32_t n);
int  batch_check_ids(graph *, int split); /* every id of the fields that the graph reads lies where it may         */
int32_t *slots_new(const graph *);        /* slot_of for index_build; the caller's                                 */
int  batch_build_stores(graph *, batch *, const store *of_field);  /* one example that is in no split             */
int  graph_bind(graph *, const batch *);

/* run.c. 0 or < 0 with the message in the host's error. */
/* training: dropout is on, backward may follow; losses: run them too, and decode what metrics read               */
int  graph_forward(graph *, int training, int losses);
/* Outside training: layers that feed themselves hear what they said, others run as ever. After that, on the same batch: those
 * layers and what reads them once more, on what they should have said.                                        */
int  graph_forward_own(graph *);
int  graph_forward_taught(graph *, int losses);
double graph_loss(graph *);                /* the reduced loss of the last forward                                */
int  graph_backward(graph *);              /* adds to graph->gradient, which was zero                             */
const node *graph_not_finite(const graph *); /* first node whose output has a NaN or infinity; NULL: none         */
void graph_carry_reset(graph *);
void graph_carry_commit(graph *);          /* next becomes state                                                  */
#endif
