/* tenon.h -- the one header that a plug-in includes. C11, also valid C++11 and CUDA C++.
 *
 * A plug-in is a shared object with one exported function, tn_plugin_entry(), that returns a constant
 * record naming its parts (layers, losses, optimizers ...). It links no symbol of the host: whatever it may
 * call arrives in a table. Two sorts of struct cross the border:
 *
 *   tables   begin with `uint32_t size`; one side makes them, the other reads them through a pointer; they
 *            grow at the end only. TN_HAS(table, member) asks whether a member is there.
 *   values   (tn_spec, tn_rng, tn_list, tn_tile, tn_option) are copied by both sides, so they are frozen for
 *            the major version.
 *
 * Every tensor is rows x width. Rows belong to a layout, and layouts form a tree under the root, which has
 * one row an example. Nothing is padded. The host owns every buffer and zeroes every gradient; a part ADDS
 * to gradients. Functions return TN_OK or a negative code, after api->fail() has been told why.
 *
 * Threads: [main] is one call at a time in the whole program; [compute] never runs twice at once for one
 * part, other parts may run beside it; [any] may be called from wherever. A part starts no threads of its
 * own (be->ops->parallel_for) and lets no exception, longjmp or exit cross the border.                    */
#ifndef TENON_H
#define TENON_H
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif

#define TN_MAGIC     0x314e4554u /* "TEN1" */
#define TN_ABI_MAJOR 1
#ifndef TN_WANT_MINOR /* an author asks for the least he needs, not for the newest he has */
#define TN_WANT_MINOR 0
#endif
#define TN_HAS(table, member)                                                                            \
    (offsetof(__typeof__(*(table)), member) + sizeof((table)->member) <= (table)->size && (table)->member)

/* Results. TN_END is no error: an enumeration has no further entry, a data set has no such split. */
enum { TN_OK = 0, TN_EINVAL = -1, TN_ESHAPE = -2, TN_ENOMEM = -3, TN_EIO = -4, TN_EUNSUPPORTED = -5, TN_END = -6 };
/* Kinds of part. */
enum { TN_LAYER = 1, TN_ACTIVATION, TN_LOSS, TN_OPTIMIZER, TN_SCHEDULE, TN_DATASET, TN_TRANSFORM, TN_METRIC,
       TN_INITIALIZER, TN_REGULARIZER, TN_STOP, TN_LOGGER, TN_BACKEND, TN_BASELINE, TN_COMMUNICATOR, TN_KINDS };
/* Element types. TN_TEXT is UTF-8 bytes with ends, in tn_value only. */
enum { TN_F32 = 1, TN_F16, TN_BF16, TN_F64, TN_I32, TN_I64, TN_U8, TN_TEXT };
/* What the numbers of a tensor mean, so that a softmax and a cross entropy never meet twice. */
enum { TN_VALUES = 0, TN_LOGITS, TN_PROBABILITIES, TN_LOG_PROBABILITIES, TN_IDS };
/* Layout ids. 0 is "no layout", so that a zeroed spec is safe. */
enum { TN_FIXED = 0, TN_ROOT = 1 };
enum { TN_P_NO_DECAY = 1, TN_P_FROZEN = 2 };             /* tn_param.flags                                  */
enum { TN_S_NO_CARRY = 1 };                              /* state has no meaning in the next batch (reverse) */
enum { TN_USES_IN = 1, TN_USES_OUT = 2,                  /* what backward and gradient read again           */
       TN_A_NORMALIZES = 4,                              /* tn_activation.flags: over all numbers of a row   */
       TN_BY_COLUMNS = 8 };                              /* with uses(): backward and gradient mind tn_call.column */
enum { TN_C_TRAINING = 1, TN_C_STEP = 2,                 /* tn_call.flags: learning; one step of a child    */
       TN_C_SET = 4,                                     /* backward of TN_L_SETS: d_in[0] is garbage, set it */
       TN_C_ALONE = 8,                                   /* forward alone: no backward or gradient follows    */
       TN_C_SHARED = 16,                                 /* add_child: with the parameters of the child before */
       TN_C_OWN = 32,                                    /* forward of TN_L_FEEDS: it reads what it said itself */
       TN_C_GIVEN = 64 };                                /* add_child: its input 0 is given by enter_on         */
enum { TN_FORWARD = 1, TN_BACKWARD, TN_GRADIENT };       /* phases of a layer                               */
enum { TN_INDEX_ALONE = 1 << 30 };                       /* added to tn_spec.index_of: with TN_C_ALONE only */
enum { TN_LOG_INFO = 1, TN_LOG_WARNING };                /* api->log                                        */

/* ==== Options ============================================================================================
 * A part describes its options in a table; from it the host validates the experiment file, fills the config
 * struct and prints the documentation. Use the typed rows at the end of this file (TN_INT, TN_REAL ...):
 * they let the compiler check that the field of the config struct has the right type.                      */
enum { TN_O_BOOL = 1,    /* int32_t                                                                          */
       TN_O_INT,         /* int64_t                                                                          */
       TN_O_REAL,        /* double                                                                           */
       TN_O_STR,         /* const char *, the host's, lives as long as the config; NULL if not given         */
       TN_O_ENUM,        /* int32_t, the index in choices                                                    */
       TN_O_PATH,        /* const char *, already resolved against --data-dir, TENON_DATA, the file's folder */
       TN_O_PART,        /* tn_part *, another part: a name or a table with `type`; NULL if not given        */
       TN_O_INTS,        /* tn_list of int64_t                                                               */
       TN_O_REALS,       /* tn_list of double                                                                */
       TN_O_STRS,        /* tn_list of const char *                                                          */
       TN_O_PARTS };     /* tn_list of tn_part *                                                             */
enum { TN_O_REQUIRED = 1, TN_O_OPEN_MIN = 2, TN_O_OPEN_MAX = 4, /* the bound itself is not allowed           */
       TN_O_RUNTIME = 8,                                        /* does not change results, may differ on resume */
       TN_O_DEPRECATED = 16,
       TN_O_SIZE = 32 };                                        /* INT that also takes a field's name: its size */
typedef struct tn_list { const void *v; int64_t n; } tn_list;
typedef struct tn_option {
    const char *name, *help;     /* snake_case TOML key, "rows.train": `train` in the table `rows`; one      */
                                 /*   sentence without a full stop                                           */
    uint32_t    type, flags;
    uint32_t    offset;          /* place of the value in the config struct                                  */
    uint32_t    part_kind;       /* PART, PARTS: which kind of part may stand here                           */
    int64_t     def_i;           /* default of BOOL, INT, ENUM: three fields and no union, so that C, C++    */
    double      def_r;           /*   and other languages can all write the table; of REAL                   */
    const char *def_s;           /*   of STR, PATH, PART and lists ("[128, 64]", read as TOML); NULL: none   */
    double      min, max;        /* inclusive unless OPEN_*; length range for STR and lists                  */
    const char *const *choices;  /* ENUM: "sum", "mean", NULL                                                */
    const char *unit;            /* "steps", "epochs", "bytes", or NULL                                      */
} tn_option;

/* ==== Layouts ============================================================================================
 * Sequence s (0 .. sequences-1) is row order[s] of the parent: longest first, ties by parent row. Rows are
 * time-major: step t of sequence s, s < live[t], is row first[t] + s. Exactly sum(length) rows exist.
 * What crosses from one layout to another goes by the PARENT'S ROW, never by s: sorted positions of two
 * layouts are unrelated. All arrays are the host's, constant during a call. The root has NULL arrays but
 * root[], the identity, and sequences == steps == 0; it is never sorted.
 *
 * Examples A, B, C (root rows 0 1 2) with 2, 0 and 3 words; the rows are C0 A0 C1 A1 C2:
 *     length 3 2 0   live 2 2 1 0   first 0 2 4 5   order 2 0 1   place 1 2 0
 *     up 2 0 2 0 2   step 0 0 1 1 2   root 2 0 2 0 2
 * Reverse direction, same rows: at step t the first live[t + 1] sequences continue from first[t + 1] + s,
 * the others, up to live[t], begin there. Forwards all of them continue from first[t - 1] + s.             */
typedef struct tn_layout {
    uint32_t size;
    int32_t  id, parent;                 /* parent 0: this is the root                                       */
    int32_t  rows, sequences, steps;     /* sequences == rows of the parent; steps == length[0]              */
    const int32_t *length;               /* [sequences]  non-increasing, may end in zeros                    */
    const int32_t *live;                 /* [steps + 1]  sequences with length > t; live[steps] == 0         */
    const int32_t *first;                /* [steps + 1]  row where step t begins; first[steps] == rows       */
    const int32_t *order;                /* [sequences]  parent row of sequence s                            */
    const int32_t *place;                /* [sequences]  inverse: sequence of a parent row                   */
    const int32_t *up;                   /* [rows]       parent row of a row                                 */
    const int32_t *step;                 /* [rows]       its step; its sequence is row - first[step]         */
    const int32_t *root;                 /* [rows]       its example                                         */
    const struct tn_layout *over;        /* the parent                                                       */
    const struct tn_layout *dev;         /* same struct (host memory), arrays on the device; cpu: itself     */
} tn_layout;

/* Rows of layout a against the steps of "their" sequence in layout b, whose parent is an ancestor of a:
 * attention. A ragged tensor (tn_spec.across) holds one element for each step of b in each row of a.        */
typedef struct tn_pairs {
    uint32_t size, rsv_;
    const tn_layout *a, *b;
    int64_t        total;                /* == first[a->rows]                                                */
    const int64_t *first;                /* [a->rows + 1]       element where row r begins                   */
    const int32_t *seq;                  /* [a->rows]           sequence of b that row r looks at            */
    const int32_t *begin, *row;          /* [b->sequences + 1], [a->rows]  rows of a by sequence of b, ascending */
    const struct tn_pairs *dev;
} tn_pairs;

/* Rows that repeat: the ids of a batch, or an input that is given once for each distinct id. */
typedef struct tn_index {
    uint32_t size;
    int32_t  distinct, rows, rsv_;
    const int32_t *key, *of;             /* [distinct] ids, ascending; [rows] 0 .. distinct-1                */
    const int32_t *begin, *row;          /* [distinct + 1], [rows]  rows that hold key u, ascending          */
    const struct tn_index *dev;
} tn_index;

/* ==== Tensors ========================================================================================== */
typedef struct tn_spec {                 /* a value, 56 bytes: zero what you do not set                      */
    uint32_t dtype, means;
    int32_t  layout, across;             /* across != 0: ragged, see tn_pairs; width is then 1               */
    int64_t  rows, width;                /* rows: only where layout is TN_FIXED                              */
    int64_t  classes;                    /* of ids, logits, probabilities; else 0                            */
    int32_t  vocabulary;                 /* of ids and classes: api->word() spells them; of numbers: the names */
                                         /*   of their columns; 0: none                                      */
    uint32_t index_of;                   /* outputs only: 1 + input whose index may stand for the rows, for they  */
                                         /*   come from its ids and parameters alone; or 0. See tn_tensor.index   */
    int64_t  rsv_;
} tn_spec;
typedef struct tn_tensor {               /* the host's; only ever seen through a pointer                     */
    uint32_t size, dtype;
    void    *data;                       /* device memory, unless the backend is "cpu"                       */
    int64_t  rows, width, ld;            /* in elements; ld == width unless the layer says TN_L_STRIDED      */
    const tn_layout *lay;                /* NULL where rows are fixed                                        */
    const tn_pairs  *pairs;              /* NULL where not ragged                                            */
    const tn_index  *index;              /* ids: always there. Reals, only for a TN_L_INDEXED consumer: data */
} tn_tensor;                             /*   has index->distinct rows, of ids index->key, which may be fewer than */
                                         /*   the batch holds (tn_call.kept); else row r is index->of[r] of them */
typedef struct tn_rng { uint64_t key, ctr; } tn_rng; /* Philox4x32-10, see tenon/random.h: key = (seed, part), */
                                                     /*   ctr = (epoch, step); the element is added by the user */
typedef struct tn_host tn_host;          /* opaque ...                                                       */
typedef struct tn_plan tn_plan;
typedef struct tn_part tn_part;          /* another part, which the user put into a TN_O_PART option         */
typedef struct tn_call tn_call;
typedef struct tn_search tn_search;

/* A parameter, as a layer asks for it. */
typedef struct tn_param {
    uint32_t    size, flags;
    const char *name;                    /* "weight_ih"                                                      */
    const char *init;                    /* default initializer as TOML: "glorot_uniform", or a table:       */
                                         /*   "{ type = 'constant', value = 1.0 }"                           */
    uint32_t    ndim, blocks;            /* blocks: dim[0] holds that many matrices (gates), each initialised alone */
    int64_t     dim[4], fan_in, fan_out; /* of one block                                                     */
    uint32_t    touched_by, rsv_;        /* 1 + input whose ids name the rows in use; 0: all rows            */
    const char *shares;                  /* "layer.parameter", planned before and of this shape: that one is used, its */
                                         /*   gradients add up, all rows are in use; NULL: one of its own    */
} tn_param;
/* A layout made by a layer, from lengths alone (convolution, pooling by windows, repeat). */
typedef struct tn_grow {
    uint32_t    size;
    int32_t     parent;
    const char *name;                    /* unique within the layer                                          */
    uint32_t    n_from, rsv_;
    const int32_t *from;                 /* layouts with the same parent that the length is a function of    */
    int32_t (*length)(void *self, const int32_t *from_length); /* [any] pure, once a parent row, before forward */
    int32_t     like, rsv2_;             /* != 0: a monotone function of that layout's length: ties keep its */
} tn_grow;                               /*   order, so that sequence s here is sequence s there             */
/* What a child turned out to have, filled by add_child. */
typedef struct tn_child {
    uint32_t size, outs, states, rsv_;
    const tn_spec *const *out, *const *state;
    const char *const *state_name;
} tn_child;

/* ==== What a part may ask of the host ==================================================================== */
typedef struct tn_api {
    uint32_t size, abi_minor;
    int  (*fail)(tn_host *, int code, const char *message);         /* [any] records message, returns code    */
    void (*log)(tn_host *, int level, const char *message);         /* [any]                                  */
    const void *(*ext)(tn_host *, const char *id);                  /* [any] a further table of the host, as in */
                                                                    /*   tenon/place.h; NULL: it has none     */
    const char *(*word)(tn_host *, int32_t vocabulary, int64_t id); /* [any] spelling of an id; NULL: none    */

    /* Planning [main]. Each add_ returns a slot number >= 0, which is the index in tn_call, or < 0 after
     * fail(). Specs name layouts; no memory exists yet.                                                      */
    int  (*parent)    (tn_plan *, int32_t layout);                  /* its id; 0 for the root                 */
    int  (*add_layout)(tn_plan *, const tn_grow *);                 /* id of the new layout                   */
    int  (*add_out)   (tn_plan *, const char *port, const tn_spec *); /* port NULL: the output itself         */
    int  (*add_param) (tn_plan *, const tn_param *);
    int  (*add_state) (tn_plan *, const char *port, const tn_spec *, uint32_t flags); /* rows of the parent;  */
                                 /* "cell" makes the port `.cell` and the user's key `initial_cell`           */
    int  (*add_saved) (tn_plan *, const tn_spec *);                 /* kept from forward to gradient          */
    int  (*add_work)  (tn_plan *, const tn_spec *);                 /* scratch: garbage at each call          */
    int  (*add_packed)(tn_plan *, int param, int transposed, uint32_t groups); /* for ops->product; the host  */
                                 /* packs after each update. transposed: the product is x W^T                 */
    void (*uses)      (tn_plan *, uint32_t what);                   /* TN_USES_*, TN_BY_COLUMNS; default: both */
                                                                    /*   of TN_USES_*                         */
    int  (*add_child) (tn_plan *, tn_part *, uint32_t flags, uint32_t n_in, const tn_spec *const *in, tn_child *got);

    /* Running a child [compute]: its slots for step t (t < 0: all steps at once), then a phase of it. Step t
     * of a TN_C_STEP child is a whole call on a layout of one step: rows, saved and states are slices of the
     * packed rows first[t] .. first[t] + live[t]; the state of step t + 1 IS the next of step t. Different
     * children may run at once, in a parallel_for body, but for gradients that they share; enter them before. */
    const tn_call *(*enter)(const tn_call *, int child, int32_t t);
    int  (*run)(const tn_call *child, uint32_t phase);
    /* Decoding only: a step on `rows` rows of no layout. state and next are two buffers; the caller moves next
     * into state (ops->gather: that is the beam). Only TN_FORWARD may follow.                               */
    const tn_call *(*enter_free)(const tn_call *, int child, int32_t rows);
    /* [compute] rows of a parameter in use that no input names (ids fed back); may repeat, in any phase      */
    int  (*touch)(const tn_call *, int param, int64_t n, const int32_t *row);
    /* [main], from plan on: the table (tn_activation ...) and the opened self of a part that the user put into an
     * option; NULL if there is none or its kind is another. Both live as long as the caller's own self.      */
    const void *(*part_table)(tn_part *, uint32_t kind, void **self);
    /* Planning [main]: a table in which forward passes alone keep, for each id behind input `input`, a row of `width`
     * floats from batch to batch, until a parameter changes. Its slot in tn_call.kept                        */
    int  (*add_kept)(tn_plan *, uint32_t input, int64_t width);
    /* Planning [main]: what the port .decoded has, where its rows are not those of in[0]: ids on a layout of the same parent,
     * with room for the longest path                                                                         */
    int  (*add_decoded)(tn_plan *, const tn_spec *);
    /* [compute] enter() for all steps at once of a child of TN_C_GIVEN. Its input 0 is `in`: the caller's own input 0, or the same
     * rows in another order; by index (tn_tensor.index) only if it says TN_L_INDEXED. `in` is the caller's until the last phase;
     * d_in[0], by the same index, is the child's, and NULL where the caller's is. What the child keeps of that input
     * (add_kept) counts as kept by the caller.                                                               */
    const tn_call *(*enter_on)(const tn_call *, int child, tn_tensor *in);
} tn_api;

/* ==== Backend ============================================================================================ */
typedef struct tn_tile {     /* a value: a finished part of a packed product, still in the first cache       */
    int64_t row, rows;       /* rows row .. row + rows - 1 of this product                                   */
    int64_t unit, units;     /* units unit .. unit + units - 1 of each group                                 */
    float  *v;               /* group g of (row + i, unit + j) is v[i * ld + g * gs + j]; v is 64-byte       */
    int64_t ld, gs;          /*   aligned, ld and gs are multiples of TN_VL; lanes past units: zero weights */
} tn_tile;
typedef struct tn_product {  /* V = init + x W, W packed once; then done() on each finished tile. y may be init */
    uint32_t       size, groups;
    int64_t        rows, k, units;
    const float   *x;    int64_t ldx;     const int32_t *x_row;    /* x_row NULL: rows in order              */
    const float   *init; int64_t ld_init; const int32_t *init_row; /* groups * units wide; NULL: zero        */
    const void    *packed;
    void (*done)(void *ctx, const tn_tile *); void *ctx;           /* NULL: store in y. It may change v; tiles */
    float         *y;    int64_t ldy;                              /*   may be done on several threads at once */
} tn_product;
typedef struct tn_ops tn_ops;
typedef struct tn_be { const tn_ops *ops; void *self; } tn_be;     /* a device and its queue                 */

/* All are [any] and may be called inside a parallel_for body, where they run on that thread alone; done() of a product calls
 * no product, gemm or outer_add. The bits of an element never depend on how a caller cuts rows or columns into calls:
 * each is one chain of fma in the order of k, or, where a backend multiplies bf16 by pairs or by blocks of 32, in the order
 * that it states, counted from the call's first k: a sum that is made by two calls is cut at a multiple of 32.
 * Pointers are 4-byte aligned at least; outputs never overlap inputs unless said.                               */
struct tn_ops {
    uint32_t    size, isa;       /* isa: 0 plain C, 3 x86-64-v3, 4 x86-64-v4                                 */
    const char *name;            /* "cpu", "cuda"                                                            */
    /* C[m,n] = beta C + op(A)[m,k] op(B)[k,n]; ta, tb: transposed. A sum over k is never split.             */
    int (*gemm)(tn_be *, int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda,
                const float *b, int64_t ldb, float beta, float *c, int64_t ldc);
    /* Packed weights. W is [groups * units, k] (transposed = 1, as nn.Linear keeps it) or [k, groups * units].
     * Their bytes: at most 4 max(k, 16) groups (units up to 16s).                                           */
    int64_t (*pack_size)(tn_be *, int64_t k, int64_t units, uint32_t groups);
    int (*pack)(tn_be *, int transposed, int64_t k, int64_t units, uint32_t groups, const float *w, int64_t ldw,
                void *packed);       /* the host's to call; also a part's that changes weights within a step  */
    int (*product)(tn_be *, const tn_product *);                   /* may be NULL on a device                */
    /* body(ctx, from, to) over [0, n) in pieces of at least `grain`, each index once, in any order, on any
     * thread; inside a body it runs on the caller's thread. Returns when all are done.                      */
    int (*parallel_for)(tn_be *, int64_t n, int64_t grain, void (*body)(void *ctx, int64_t from, int64_t to), void *ctx);
    int (*fill)(tn_be *, void *p, uint32_t dtype, int64_t n, double v);
    int (*axpy)(tn_be *, int64_t n, float a, const float *x, float *y);                     /* y += a x      */
    int (*add_bias)(tn_be *, int64_t rows, int64_t w, const float *b, float *y, int64_t ldy);
    int (*sum_rows)(tn_be *, int64_t rows, int64_t w, const float *x, int64_t ldx, float *acc); /* acc += sums */
    int (*gather)(tn_be *, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *row, float *y, int64_t ldy);
    int (*scatter_add)(tn_be *, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *row, float *y,
                       int64_t ldy);                               /* y[row[i]] += x[i]; row[] distinct      */
    int (*segment_add)(tn_be *, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *begin,
                       const int32_t *row, const int32_t *to, float *y, int64_t ldy);
                                 /* y[to[u]] += x[row[begin[u]]] + ... in that order; to NULL: y[u]           */
    int (*copy)(tn_be *, int64_t rows, int64_t w, const float *x, int64_t ldx, float beta, float *y, int64_t ldy);
    int (*upload)(tn_be *, void *dst, const void *src, size_t n);
    int (*download)(tn_be *, void *dst, const void *src, size_t n);
    void *(*alloc)(tn_be *, size_t n);                             /* [main] the host's to call; 64-byte aligned */
    void (*release)(tn_be *, void *);
    const void *(*native)(tn_be *, const char *id);                /* stream, cuBLAS handle: for own kernels */
    /* C[m,n] += a[r]^T b[row[r]] + ..., sums[m] += a[r] + ... over r = 0 .. rows - 1 in that order: the gradients of a
     * weight and its bias. row NULL: r itself; row[r] < 0: a row of zeros. sums NULL: not wanted.           */
    int (*outer_add)(tn_be *, int64_t rows, int64_t m, const float *a, int64_t lda, int64_t n, const float *b, int64_t ldb,
                     const int32_t *row, float *c, int64_t ldc, float *sums);
    void *(*reserve)(tn_be *, size_t n);                           /* alloc, but garbage, which costs when it is touched */
    /* y[u] = x[row[begin[u]]] + ... in that order: segment_add into zeros, without having to write and read them */
    int (*segment_sum)(tn_be *, int64_t n, int64_t w, const float *x, int64_t ldx, const int32_t *begin, const int32_t *row,
                       float *y, int64_t ldy);
};                                                                 /* new ops are appended: ask TN_HAS       */
typedef struct tn_backend {
    uint32_t size, rsv_;
    int  (*start)(void *self, int32_t threads, tn_be *out);        /* [main]                                 */
    void (*stop)(void *self, tn_be *);
} tn_backend;

/* ==== What every part says of itself ===================================================================== */
typedef struct tn_desc {
    uint32_t size, kind;
    const void *table;           /* tn_layer, tn_loss ... by kind                                            */
    const char *name;            /* "lstm"; [a-z][a-z0-9_]*, also the name of the file                       */
    const char *brief, *doc;     /* one line; Markdown with the formula and its source                       */
    const tn_option *options;
    uint32_t n_options, option_size;   /* walked by option_size, so that a row may grow                      */
    uint32_t config_size, self_size;   /* the host allocates both, zeroed; config is const once filled       */
    /* Order of calls [main]: check, open, plan ..., phases [compute], close. NULL: nothing to do.           */
    int  (*check)(const tn_api *, tn_host *, const void *config);  /* rules that span several options        */
    int  (*open)(const tn_api *, tn_host *, const void *config, void *self); /* api and host stay valid      */
    void (*close)(void *self);                                     /* also after a failed open               */
    /* What self has learned and the host cannot know; written into checkpoints. NULL: nothing.              */
    int  (*save)(void *self, int (*put)(void *to, const void *, size_t), void *to);
    int  (*load)(void *self, int (*get)(void *from, void *, size_t), void *from);
    const void *(*ext)(const char *id);
} tn_desc;

/* ==== Layer ==============================================================================================
 * forward  writes all of out, next and saved; with TN_C_ALONE of saved only what the part itself reads later, in
 *          `decode` say.
 * backward adds to d_in and d_state (gradients of the data), may write saved. Where TN_C_SET is given, which only
 *          a part that says TN_L_SETS gets, it sets d_in[0], every element, zeros too, also if d_out is NULL.
 * gradient adds to d_param, once, after the last backward, over all rows in order; skipped for frozen parts. With
 *          TN_BY_COLUMNS both come once for each piece of columns (tn_call.column).
 * work is garbage at every call, between phases too. Inputs may be the same tensor twice, so d_in may alias
 * d_in: add, one product at a time. A call may have rows == 0. An empty sequence passes state to next.      */
struct tn_call {                         /* one phase; filled by the host, valid until return                */
    uint32_t size, flags;                /* TN_C_*                                                           */
    int64_t  step;                       /* training step, from 1; 0 outside training                        */
    const tn_api *api; tn_host *host; tn_be *be;
    tn_rng rng;                          /* the same in all phases of one step                               */
    const tn_layout *const *layout;      /* by id                                                            */
    tn_tensor *const *in, *const *out, *const *param, *const *saved, *const *work;
    const void *const *packed;           /* for tn_product                                                   */
    tn_tensor *const *state, *const *next;   /* before the first, after the last step, by the parent's row;  */
                                             /*   NULL entries: zeros, not wanted                            */
    tn_tensor *const *d_in, *const *d_out, *const *d_param; /* NULL entries: not wanted (in, param), zero (out) */
    tn_tensor *const *d_state, *const *d_next;              /* NULL entries: not wanted, zero                */
    /* Tables of add_kept; NULL entries: this call has none. Where there is one, its input comes by index, and only with the
     * ids that the table lacks, maybe none: forward appends what it makes of them, the last index->distinct of the
     * table's rows, the others being there from calls before. Row r of the batch is row index->of[r] of the table;
     * index->begin and row are NULL. With all tables of a part or none it gives the same bits.              */
    tn_tensor *const *kept;
    const tn_search *search;                                  /* for decode; NULL: greedy                        */
    /* Of a part that said TN_BY_COLUMNS: d_out[0] of a layer, which has that one output, or d_in[0] of a loss may hold the
     * columns column .. column + width - 1 alone. Backward, and of a layer gradient after it, then come once for each piece,
     * from the left; TN_C_SET says of d_in[0] of a layer that this is the first one. The bits are those of one call, as the
     * host cuts at multiples of 32 (tn_ops).                                                                         */
    int64_t column;
};
typedef struct tn_path {                 /* valid until emit() of the path returns                           */
    uint32_t size, in;                   /* in: the input whose steps it comes from                          */
    double   log_p;                      /* of all of it, its end too                                        */
    int64_t  n, steps;                   /* its ids; the steps of that input                                 */
    const float *weight;                 /* [n x steps] how much an id comes from each step; NULL: not known */
} tn_path;
struct tn_search {                       /* how a part of TN_L_FEEDS decodes; the user's [evaluation] decode */
    uint32_t size;
    int32_t  width;                      /* paths that a beam keeps; 1: greedy                               */
    double   length_penalty;             /* a path of n ids is as good as log p / ((5 + n) / 6)^length_penalty; 0: log p */
    /* What else is known of a path, told right before emit() of it, which has the same parent row; NULL: nobody asks */
    void (*tell)(void *to, int32_t parent_row, const tn_path *);
    void *to;
};
enum { TN_L_STRIDED = 1,                 /* takes tensors with ld > width                                    */
       TN_L_INDEXED = 2,                 /* takes an input once a distinct id (tn_tensor.index)              */
       TN_L_RECURRENT = 4,               /* reads the steps of a sequence one after the other                */
       TN_L_REVERSE = 8,                 /* some of its units do so from the end: `last` warns               */
       TN_L_IN_PLACE = 16,
       TN_L_LAST = 32,                   /* reads the last row of a sequence alone                         */
       TN_L_SETS = 64,                   /* backward minds TN_C_SET: all of d_in[0] is set, nothing added   */
       TN_L_FEEDS = 128 };               /* in[0] is what it learns to say: forward minds TN_C_OWN, decode needs it not, */
                                         /*   and where nobody knows it, it has no rows                     */
typedef struct tn_impl {                 /* backend "*" uses be->ops alone, "cpu" touches memory itself      */
    uint32_t size, rsv_;
    const char *backend;
    int (*forward) (void *self, const tn_call *);   /* [compute]                                             */
    int (*backward)(void *self, const tn_call *);   /* [compute] may be NULL: nothing to pass on             */
    int (*gradient)(void *self, const tn_call *);   /* [compute] may be NULL: no parameters                  */
} tn_impl;
typedef int tn_plan_fn(const tn_api *, tn_host *, const void *config, void *self, tn_plan *, uint32_t n_in,
                       const tn_spec *const *in);   /* [main] pure: shapes and slots; may be called again     */
enum { TN_PORT_LENGTHS = 1 };            /* of its input only the layout is read: how many steps there are    */
typedef struct tn_port { const char *name; uint32_t optional, flags; } tn_port; /* a named input: `name = "layer"` */
typedef int tn_emit_fn(void *to, int32_t parent_row, double score, const int32_t *ids, int64_t n);
typedef struct tn_layer {
    uint32_t size, flags;                /* TN_L_*                                                           */
    uint32_t min_in, max_in;             /* inputs = [...]                                                   */
    tn_plan_fn *plan;
    const tn_impl *const *impls;         /* NULL-terminated, best first                                      */
    const tn_port *ports; uint32_t n_ports, port_size; /* further inputs by name, after those of `inputs`    */
    /* The port .decoded: paths for a row of the parent of in[0], best first, each of as many ids as it has or fewer; where
     * in[0] is on the root, of one id for a row of its own [compute]; may be NULL                            */
    int (*decode)(void *self, const tn_call *, tn_emit_fn *emit, void *to);
    /* Initial value of parameter `slot` [main], host memory, rows x width as planned. Returns 1 if it wrote p,
     * 0 to leave it to tn_param.init, < 0 after fail(). An initializer in the user's file wins. May be NULL. */
    int (*initialize)(void *self, const tn_api *, tn_host *, uint32_t slot, tn_rng, float *p);
} tn_layer;
typedef struct tn_activation {
    uint32_t size, flags;                /* TN_USES_IN, TN_USES_OUT: what backward reads; TN_A_NORMALIZES    */
    uint32_t means, rsv_;                /* of its output: TN_VALUES, TN_PROBABILITIES ...                   */
    int (*forward)(void *self, tn_be *, int64_t rows, int64_t width, const float *x, float *y); /* x == y allowed */
    int (*backward)(void *self, tn_be *, int64_t rows, int64_t width, const float *x, const float *y,
                    const float *dy, float *dx);    /* SETS dx, does not add; dx == dy allowed               */
} tn_activation;
/* A loss is a layer: in = output, target, (weight); out[0] is one value a row of any layout (a row's loss, a
 * sequence's). The host reduces, and backward gets the factors in d_out[0]. It may have parameters. An output of
 * the port "count", on the same rows, is what each row counts for where a mean is taken (0: ignored); none: 1. */
typedef struct tn_loss {
    uint32_t size, flags;
    uint32_t wants, rsv_;                /* documentation: TN_LOGITS ...                                     */
    const tn_layer *layer;
    /* Class probabilities from in[0] (in[1] is NULL), rows x classes [compute]; NULL: the output is the value */
    int (*predict)(void *self, const tn_call *, int64_t classes, float *probability);
} tn_loss;

/* ==== Training =========================================================================================== */
enum { TN_NUMBERS = 16 };
typedef struct tn_update {               /* neighbouring elements of the flat buffers that are treated alike  */
    uint32_t size, flags;
    int64_t  t;                          /* update number, from 1                                            */
    double   rate, decay;                /* learning rate of this step; weight decay, 0 where TN_P_NO_DECAY  */
    const float *number;                 /* [TN_NUMBERS] what prepare() wrote                                */
    int64_t  n;
    float   *p;                          /* [n] parameters, updated in place                                 */
    const float *g;                      /* [n] gradients, already scaled and clipped; NULL: all are zero,   */
    float *const *slot;                  /*   rows that ids did not name. [slots][n] state, zero at first    */
} tn_update;
typedef struct tn_optimizer {
    uint32_t size, slots;                /* slots: most floats the host keeps for each parameter             */
    int (*step)(void *self, tn_be *, const tn_update *); /* [any] element by element: any cut, same bits     */
    /* What all elements of a step share, from t, rate and decay alone [main]; n == 0 then. May be NULL.     */
    int (*prepare)(void *self, const tn_update *, float *number);
    uint32_t (*slots_used)(const void *self);/* the first how many, with these options; NULL: all of them [main] */
} tn_optimizer;
typedef struct tn_progress {             /* where training stands; values so far are those of `monitor`      */
    uint32_t size, higher_is_better;
    int64_t  step, steps, epoch, epochs; /* step and epoch from 1; steps, epochs: planned in all             */
    int64_t  epoch_steps;                /* steps in one epoch                                               */
    const double *value; int64_t values; /* the monitored metric after each evaluation so far, oldest first  */
    double   seconds;                    /* training time; outside the promise of equal bits                 */
    double   preparing;                  /* of which steps waited for their batch                            */
    double   building;                   /* building batches took, in steps or beside them; all three so far */
} tn_progress;
typedef struct tn_schedule {
    uint32_t size, flags;
    double (*rate)(void *self, const tn_progress *, double base); /* [main] pure: a resume asks again        */
} tn_schedule;
enum { TN_STOP_NO_MONITOR = 1 };         /* tn_stop.flags: looks at no value, so that it needs no `monitor`  */
typedef struct tn_stop {
    uint32_t size, flags;
    int (*decide)(void *self, const tn_progress *, const char **why); /* [main] pure; 1: stop, and why       */
} tn_stop;
typedef struct tn_initializer {
    uint32_t size, rsv_;
    int (*fill)(void *self, const tn_param *, int64_t rows, int64_t width, tn_rng, float *p); /* one block; host memory */
} tn_initializer;
typedef struct tn_regularizer {          /* a penalty on elements, or a bound on rows; has one of both functions */
    uint32_t size, rsv_;
    /* Adds its gradient at p[n] to g[n], sets *penalty to the sum over these n. [any] Called on parts of parameters. */
    int (*add)(void *self, tn_be *, int64_t n, const float *p, float *g, double *penalty);
    /* After the update: brings rows of a parameter (the weights into one unit, or of one word) back to what is
     * allowed. [any] Called on some rows of a parameter; each by itself.                                    */
    int (*constrain)(void *self, tn_be *, int64_t rows, int64_t width, float *p);
} tn_regularizer;
enum { TN_METRIC_RUNNING = 1 };          /* tn_metric.flags: with `training` its sums go on from epoch to epoch */
typedef struct tn_metric {               /* over a whole split: sums are the host's, never a mean of batches */
    uint32_t size, flags;
    uint32_t min_in, max_in;             /* in = output, target                                              */
    int (*plan)(const tn_api *, tn_host *, const void *config, void *self, uint32_t n_in, const tn_spec *const *in,
                uint32_t *sums);         /* how many doubles it sums in; the host zeroes them                */
    int (*update)(void *self, const tn_call *, double *sum);       /* [compute] c->in, in host memory        */
    /* Result i; TN_END past the last. name NULL: the metric's own name, which is what `monitor` means by it. */
    int (*result)(void *self, const double *sum, uint32_t i, const char **name, double *value, int32_t *higher_is_better);
} tn_metric;
typedef struct tn_scalar { const char *name; double value; } tn_scalar;
typedef struct tn_logger {               /* one call an evaluation; [main]                                   */
    uint32_t size, rsv_;
    int (*begin)(void *self, const char *run_dir, int64_t resume_step); /* keeps rows up to resume_step; -1: new */
    int (*row)(void *self, int64_t epoch, int64_t step, uint32_t n, const tn_scalar *); /* on disk on return */
    int (*end)(void *self);
} tn_logger;

/* ==== Data =============================================================================================== */
typedef struct tn_value {                /* one field of one example: a scalar, steps, or steps of steps     */
    uint32_t size, dtype;                /* TN_TEXT, TN_I32, TN_F32                                          */
    uint32_t depth, width;               /* depth 0, 1, 2; width: numbers in a leaf, 1 for text and ids      */
    int64_t  n, leaves;                  /* outer steps (1 at depth 0); leaves in all                        */
    const int32_t *inner;                /* depth 2: [n] steps in each                                       */
    const void    *leaf;                 /* [leaves * width] numbers, or the bytes of the texts              */
    const int64_t *end;                  /* texts: [leaves] where each ends in leaf                          */
} tn_value;
typedef struct tn_sink {                 /* where values go; put copies. Once a column, any order            */
    uint32_t size, rsv_;
    void *to;
    int (*put)(void *to, uint32_t column, const tn_value *);
    const char *wanted;                  /* [columns] 0: nobody reads it, it need not be put; NULL: all are read */
} tn_sink;
typedef struct tn_column {               /* of a data set; size = sizeof, set by who makes it                */
    uint32_t size, dtype, depth, width;
    const char *name;
    int64_t  classes;                    /* TN_I32 that are ids already; else 0                              */
    int64_t  steps;                      /* depth 1: that many in every example; 0: it differs               */
} tn_column;
enum { TN_D_LANES = 2 };                 /* batch row = lane of a stream; the order is fixed                 */
typedef struct tn_dataset {
    uint32_t size, flags;
    /* Column i, TN_END past the last. May read a header, never the data. [main]                              */
    int (*column)(void *self, uint32_t i, tn_column *);
    /* Make a split ("train", "validation", "test") ready; TN_END: the user named no such split. [main]       */
    int (*load)(void *self, const char *split);
    int64_t (*count)(void *self, const char *split, int64_t lanes);
    int (*read)(void *self, const char *split, int64_t lanes, int64_t index, tn_rng, const tn_sink *);
    /* "file:line" of an example, for messages; may be NULL                                                   */
    int (*place)(void *self, const char *split, int64_t index, char *text, size_t size);
    /* Files that were read, for the lock: file i, TN_END past the last; may be NULL                          */
    int (*file)(void *self, uint32_t i, const char **path);
    /* Where examples overlap: what transforms learn from instead, each number once. Piece i, TN_END past the last;
     * may be NULL: the examples                                                                             */
    int (*piece)(void *self, const char *split, int64_t i, const tn_sink *);
    /* A line of plain text as a value of column i, for predict; NULL: the line as it is, depth 0. Without load [main] */
    int (*line)(void *self, uint32_t i, const char *text, int64_t n, const tn_sink *);
    /* Has read give what `split` holds in this epoch, from 1; as many examples as before. TN_END: what every epoch has.
     * Asked of "train" alone, before each epoch. NULL: every epoch has the same [main]                      */
    int (*renew)(void *self, const char *split, int64_t epoch);
    /* The way back, for text that is written: steps of column i as one plain text, put as column 0; NULL: spaces between them */
    int (*text)(void *self, uint32_t i, const tn_value *steps, const tn_sink *);
    /* Examples from text in the form of its own files, for predict: a line after the other, and NULL behind the last one. Puts
     * the columns of these names, as columns 0, 1 ... TN_END: this line completes no example; TN_EUNSUPPORTED, of the first one
     * that is not empty alone: the text has another form, and each line from it on is to be read by itself. Without load [main] */
    int (*feed)(void *self, const char *line, int64_t n, uint32_t columns, const char *const *column, const tn_sink *);
} tn_dataset;
typedef struct tn_transform {            /* text or values in, values out; must not depend on other examples */
    uint32_t size, flags;
    int (*plan)(const tn_api *, tn_host *, const void *config, void *self, const tn_column *in, tn_column *out);
    int (*apply)(void *self, const tn_value *in, tn_rng, const tn_sink *); /* puts column 0                   */
    /* A transform that learns: each training example once, in their order, then finish, then apply. It must have
     * save and load (tn_desc). All NULL: it learns nothing. [main]                                           */
    int (*learn)(void *self, const tn_value *in);
    int (*finish)(void *self);
    int (*undo)(void *self, int64_t rows, int64_t width, float *x); /* numbers, in place; NULL: cannot be undone */
} tn_transform;
/* A baseline learns by one pass over the training batches and writes what a head would: metrics apply to it. */
typedef struct tn_baseline {
    uint32_t size, rsv_;
    uint32_t min_in, max_in;             /* in = inputs..., target last                                      */
    int (*plan)(const tn_api *, tn_host *, const void *config, void *self, uint32_t n_in, const tn_spec *const *in,
                tn_spec *out);
    int (*learn)(void *self, const tn_call *);   /* each training batch once                                 */
    int (*finish)(void *self);
    int (*predict)(void *self, const tn_call *); /* writes out[0]; the target may be NULL                    */
} tn_baseline;

/* ==== The entry point: one exported symbol =============================================================== */
typedef struct tn_plugin {
    uint32_t magic, size;
    uint16_t abi_major, abi_minor, ptr_bytes, spec_size, tile_size, option_size; /* apart, so that an error  */
    const char *name, *version, *author, *license, *url;                         /*   can name what differs  */
    const tn_desc *const *parts;         /* NULL-terminated: one .so may carry several                       */
} tn_plugin;
#if defined(_WIN32)
#define TN_EXPORT __declspec(dllexport)
#else
#define TN_EXPORT __attribute__((visibility("default")))
#endif
TN_EXPORT const tn_plugin *tn_plugin_entry(void);
#define TN_PLUGIN(name, version, author, license, url, parts)                                            \
    TN_EXPORT const tn_plugin *tn_plugin_entry(void) {                                                   \
        static const tn_plugin record = { TN_MAGIC, sizeof(tn_plugin), TN_ABI_MAJOR, TN_WANT_MINOR,      \
            sizeof(void *), sizeof(tn_spec), sizeof(tn_tile), sizeof(tn_option),                         \
            name, version, author, license, url, parts };                                                \
        return &record; }

/* fail() with a format. Returns code. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static inline int tn_fail(const tn_api *api, tn_host *host, int code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return api->fail(host, code, text);
}

#ifdef __cplusplus
}
template <class Want, class Struct, class Field>
constexpr uint32_t tn_at_(Field Struct::*, size_t offset)
{
    static_assert(sizeof(Want) == sizeof(Field), "option: the field has the wrong type");
    return (uint32_t)offset;
}
#define TN_AT_(T, field, Want) tn_at_<Want, T>(&T::field, offsetof(T, field))
static_assert(sizeof(tn_spec) == 56 && sizeof(tn_rng) == 16 && sizeof(tn_tile) == 56, "frozen values");
#else
#define TN_AT_(T, field, Want) _Generic(&((T *)0)->field, Want *: (uint32_t)offsetof(T, field))
_Static_assert(sizeof(tn_spec) == 56 && sizeof(tn_rng) == 16 && sizeof(tn_tile) == 56, "frozen values");
#endif
/* Typed option rows: TN_INT(config, units, 128, 1, 65536, "size of the hidden state"). The _X forms take flags. */
#define TN_INT_X(T, f, fl, def, lo, hi, help) \
    { #f, help, TN_O_INT, fl, TN_AT_(T, f, int64_t), 0, def, 0, NULL, lo, hi, NULL, NULL }
#define TN_REAL_X(T, f, fl, def, lo, hi, help) \
    { #f, help, TN_O_REAL, fl, TN_AT_(T, f, double), 0, 0, def, NULL, lo, hi, NULL, NULL }
#define TN_STR_X(T, f, fl, def, help) \
    { #f, help, TN_O_STR, fl, TN_AT_(T, f, const char *), 0, 0, 0, def, 0, 1e6, NULL, NULL }
#define TN_PATH_X(T, f, fl, def, help) \
    { #f, help, TN_O_PATH, fl, TN_AT_(T, f, const char *), 0, 0, 0, def, 0, 4096, NULL, NULL }
#define TN_INT(T, f, def, lo, hi, help)   TN_INT_X(T, f, 0, def, lo, hi, help)
#define TN_SIZE(T, f, def, lo, hi, help)  TN_INT_X(T, f, TN_O_SIZE, def, lo, hi, help)
#define TN_REAL(T, f, def, lo, hi, help)  TN_REAL_X(T, f, 0, def, lo, hi, help)
#define TN_STR(T, f, def, help)           TN_STR_X(T, f, 0, def, help)
#define TN_PATH(T, f, def, help)          TN_PATH_X(T, f, 0, def, help)
#define TN_BOOL(T, f, def, help)          { #f, help, TN_O_BOOL, 0, TN_AT_(T, f, int32_t), 0, def, 0, NULL, 0, 1, NULL, NULL }
#define TN_ENUM(T, f, def, names, help)   { #f, help, TN_O_ENUM, 0, TN_AT_(T, f, int32_t), 0, def, 0, NULL, 0, 0, names, NULL }
#define TN_SUBPART(T, f, kind, def, help) { #f, help, TN_O_PART, 0, TN_AT_(T, f, tn_part *), kind, 0, 0, def, 0, 0, NULL, NULL }
#define TN_SUBPARTS(T, f, kind, def, help) { #f, help, TN_O_PARTS, 0, TN_AT_(T, f, tn_list), kind, 0, 0, def, 0, 1e6, NULL, NULL }
#define TN_INTS(T, f, def, help)          { #f, help, TN_O_INTS, 0, TN_AT_(T, f, tn_list), 0, 0, 0, def, 0, 1e6, NULL, NULL }
#define TN_REALS(T, f, def, help)         { #f, help, TN_O_REALS, 0, TN_AT_(T, f, tn_list), 0, 0, 0, def, 0, 1e6, NULL, NULL }
#define TN_STRS(T, f, def, help)          { #f, help, TN_O_STRS, 0, TN_AT_(T, f, tn_list), 0, 0, 0, def, 0, 1e6, NULL, NULL }
#define TN_OPTIONS(table) table, sizeof(table) / sizeof((table)[0]), sizeof((table)[0])
#define TN_NO_OPTIONS NULL, 0, sizeof(tn_option)
#endif
