/* The kernel of products whose elements are chains of fma: of floats, and of bf16 by pairs.
 *
 * A register tile of a few rows by up to four vectors is kept in registers while k runs: three rows of four 8-lane
 * vectors fill the sixteen registers of AVX2, six rows of four the thirty-two of AVX-512 and NEON. Each element is
 * one chain of fma in the order of k (of pairs: cpu_pairs.h), whatever tile it falls in: that is why no cut of rows,
 * columns or k blocks changes a bit. Edges go through the same kernel on columns of zeros.                   */
#ifndef CPU_CHAINS_H
#define CPU_CHAINS_H
#include "cpu_strip.h"

/* a b + c, the sum in the register where c was: left to itself the compiler lets sums wander between registers, and moves and
 * spills them where a loop is unrolled. */
static inline __attribute__((always_inline)) tn_vf add_product(const int products, tn_vf a, tn_vf b, tn_vf c)
{
    if (products != FLOATS) return pairs_add_product(products, a, b, c);
#if TN_VL >= 8
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b));
    return c;
#else
    return tn_fma(a, b, c);
#endif
}

static inline __attribute__((always_inline)) tn_vf tile_set(const int products, const float *x)
{
    return products == FLOATS ? tn_set(*x) : pairs_set(x);
}

/* c += a w for one q: a[i][q * a_step] times the row of W at w. */
static inline __attribute__((always_inline)) void tile_step(const int products, const int mr, const int nv, const float *const *a,
                                                            int64_t q, const float *w, tn_vf c[8][STRIP])
{
    tn_vf x[8];
    if (mr <= nv) {                      /* the shorter side is held, the longer one passes: else a register is missing */
        UNROLLED for (int i = 0; i < mr; i++) x[i] = tile_set(products, a[i] + q);
        UNROLLED for (int v = 0; v < nv; v++) {
            tn_vf b = tn_load(w + v * TN_VL);
            UNROLLED for (int i = 0; i < mr; i++) c[i][v] = add_product(products, x[i], b, c[i][v]);
        }
    } else {
        UNROLLED for (int v = 0; v < nv; v++) x[v] = tn_load(w + v * TN_VL);
        UNROLLED for (int i = 0; i < mr; i++) {
            tn_vf b = tile_set(products, a[i] + q);
            UNROLLED for (int v = 0; v < nv; v++) c[i][v] = add_product(products, b, x[v], c[i][v]);
        }
    }
}

/* to = z + a w for rows i .. i + mr - 1 and nv vectors. a_step: a constant, for packed columns of W; 0: steps as s says. */
static inline __attribute__((always_inline)) void tile_kernel(const int products, const int mr, const int nv, const int a_step,
                                                              const strip *s, int64_t row)
{
    tn_vf c[8][STRIP];
    const float *a[8], *w = s->w;
    UNROLLED for (int i = 0; i < mr; i++) {
        a[i] = s->a[row + i];
        UNROLLED for (int v = 0; v < nv; v++) c[i][v] = s->z ? tn_load(s->z[row + i] + s->z_at[v]) : tn_set(0);
    }
    int64_t k = s->k, q = 0, step = a_step ? a_step : s->a_step, w_step = a_step ? nv * TN_VL : s->w_step;
    for (; a_step && q + 4 <= k; q += 4, w += 4 * w_step)
        UNROLLED for (int u = 0; u < 4; u++) tile_step(products, mr, nv, a, (q + u) * step, w + u * w_step, c);
    for (; q < k; q++, w += w_step) tile_step(products, mr, nv, a, q * step, w, c);
    float *to = s->to + row * s->ld;
    UNROLLED for (int i = 0; i < mr; i++)
        UNROLLED for (int v = 0; v < nv; v++) tn_store(to + i * s->ld + v * TN_VL, c[i][v]);
}

/* First values of the next rows: they come from outer caches, and the sums cannot begin without them. */
static inline __attribute__((always_inline)) void first_ahead(const int nv, const strip *s, int64_t from, int64_t rows)
{
    int64_t end = from + rows < s->rows ? from + rows : s->rows;
    for (int64_t i = from; i < end; i++)
        UNROLLED for (int v = 0; v < nv; v += TN_VL < 16 ? 16 / TN_VL : 1) __builtin_prefetch(s->z[i] + s->z_at[v]);
}

#define STRIP_OF(name, products, nv, a_step)                                                \
    static void name##_##nv(const strip *s)                                             \
    {                                                                                   \
        for (int64_t i = 0, mr; i < s->rows; i += mr) {                                 \
            mr = next_rows(s->rows - i, MOST_##nv);                                     \
            if (s->z) first_ahead(nv, s, i + mr, mr);                                   \
            if (s->next) ahead_some(s->next), ahead_some(s->next + 1);                  \
            switch (mr) {                                                               \
            case 1: tile_kernel(products, 1, nv, a_step, s, i); break;                            \
            case 2: if (2 <= MOST_##nv) tile_kernel(products, 2, nv, a_step, s, i); break;        \
            case 3: if (3 <= MOST_##nv) tile_kernel(products, 3, nv, a_step, s, i); break;        \
            case 4: if (4 <= MOST_##nv) tile_kernel(products, 4, nv, a_step, s, i); break;        \
            case 5: if (5 <= MOST_##nv) tile_kernel(products, 5, nv, a_step, s, i); break;        \
            case 6: if (6 <= MOST_##nv) tile_kernel(products, 6, nv, a_step, s, i); break;        \
            case 7: if (7 <= MOST_##nv) tile_kernel(products, 7, nv, a_step, s, i); break;        \
            default: if (8 <= MOST_##nv) tile_kernel(products, 8, nv, a_step, s, i); break;       \
            }                                                                           \
        }                                                                               \
    }
#if TN_VL == 8                       /* rows of the register tile by vectors of columns                      */
enum { MOST_1 = 6, MOST_2 = 6, MOST_3 = 4, MOST_4 = 3 };
#elif defined __x86_64__ && !defined __FMA__ /* each fma is a call: there is nothing to keep in registers     */
enum { MOST_1 = 1, MOST_2 = 1, MOST_3 = 1, MOST_4 = 1 };
#else
enum { MOST_1 = 8, MOST_2 = 8, MOST_3 = 8, MOST_4 = 6 };
#endif
#define STRIPS_OF(name, products, a_step)                                               \
    STRIP_OF(name, products, 1, a_step) STRIP_OF(name, products, 2, a_step)             \
    STRIP_OF(name, products, 3, a_step) STRIP_OF(name, products, 4, a_step)
STRIPS_OF(strip_rows, FLOATS, 1) STRIPS_OF(strip_panels, FLOATS, PANEL) STRIPS_OF(strip_any, FLOATS, 0) /* columns packed, a row */
STRIPS_OF(pairs_rows, PAIRS_BY_FMA, 1) STRIPS_OF(pairs_panels, PAIRS_BY_FMA, PANEL)                  /* by row or in panels; any */
#if TN_VL == 16
STRIPS_OF(bf16_rows, PAIRS_BY_INSTRUCTION, 1) STRIPS_OF(bf16_panels, PAIRS_BY_INSTRUCTION, PANEL)
#endif

static inline void chains_run(int64_t nv, const strip *s)
{
    typedef void one(const strip *);
#define EACH_WIDTH(name) { name##_1, name##_2, name##_3, name##_4 }
    static one *const any[STRIP] = EACH_WIDTH(strip_any);
    static one *const of[][2][STRIP] = {
        [FLOATS] = { EACH_WIDTH(strip_rows), EACH_WIDTH(strip_panels) },
        [PAIRS_BY_FMA] = { EACH_WIDTH(pairs_rows), EACH_WIDTH(pairs_panels) },
#if TN_VL == 16
        [PAIRS_BY_INSTRUCTION] = { EACH_WIDTH(bf16_rows), EACH_WIDTH(bf16_panels) },
#endif
    };
    if (nv < 1 || nv > STRIP) return;      /* never: the compiler knows its table's bounds then                 */
    int packed = s->w_step == nv * TN_VL && (s->a_step == 1 || s->a_step == PANEL);
    (packed ? of[s->products][s->a_step == PANEL] : any)[nv - 1](s);
}
#endif
