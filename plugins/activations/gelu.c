/* gelu.c -- Gaussian error linear unit: x times the probability that a standard normal number is below x. */
#include <tenon/tenon.h>

enum { EXACT, TANH };
static const char *const forms[] = { "exact", "tanh", NULL };
typedef struct config { int32_t form; } config;
static const tn_option options[] = {
    TN_ENUM(config, form, EXACT, forms, "exact, or the approximation by tanh that some published networks were trained with"),
};
#define HAS_OPTIONS
#include "elementwise.h"

/* e^(-x^2 / 2); what the rounding of x^2 loses is put back, since at x = 12 it would be 5e-6 of the result */
static inline tn_vf bell(tn_vf x)
{
    tn_vf square = x * x, lost = tn_fma(x, x, -square), e = tn_exp(tn_set(-0.5f) * square);
    return tn_fma(tn_set(-0.5f) * e, lost, e);
}

/* P(normal < x). With a = |x| and t = 1 / (1 + 0.35 a), P(normal < -a) = e^(-a^2 / 2) t q(t): q of degree 8 interpolates at
 * Chebyshev's points for a up to 13.3, within 1e-7 of the value; beyond that the bell is 0. b: bell(x). */
static inline tn_vf normal_below(tn_vf x, tn_vf b)
{
    tn_vf one = tn_set(1), t = one / tn_fma(tn_set(0.35f), tn_abs(x), one);
    tn_vf u = tn_fma(tn_set(2.42964555f), t, tn_set(-1.42964555f)), q = tn_set(-2.4355891583e-5f);
    q = tn_fma(q, u, tn_set(1.3689810658e-5f));
    q = tn_fma(q, u, tn_set(2.6679088478e-4f));
    q = tn_fma(q, u, tn_set(-3.4679006785e-4f));
    q = tn_fma(q, u, tn_set(-2.8942308854e-3f));
    q = tn_fma(q, u, tn_set(3.4327881876e-3f));
    q = tn_fma(q, u, tn_set(5.1147673279e-2f));
    q = tn_fma(q, u, tn_set(1.6255913675e-1f));
    q = tn_fma(q, u, tn_set(2.8584527969e-1f));
    tn_vf tail = b * t * q;
    return tn_select(x > tn_set(0), one - tail, tail);
}

/* Beyond 14 both forms are x or 0 and their slopes 1 or 0; x^3 goes no further, and no 0 meets an infinity. */
static inline tn_vf kept(tn_vf x)
{
    tn_vf most = tn_set(14);
    return tn_select(x > most, most, tn_select(x < -most, -most, x));
}

/* z = 2 sqrt(2 / pi) (x + 0.044715 x^3), since (1 + tanh(z / 2)) / 2 = 1 / (1 + e^-z) */
static inline tn_vf cubic(tn_vf x) { return tn_set(1.5957691216f) * tn_fma(tn_set(0.044715f) * x * x, x, x); }

/* 1 / (1 + e^-z), 0 where e^z is below every normal float */
static inline tn_vf gate(tn_vf z) { return tn_select(z < tn_set(-87.33654f), tn_set(0), tn_sigmoid(z)); }

/* y = x P(normal < x), or x / (1 + e^-z) */
static inline tn_vf value(tn_vf x, const config *o)
{
    tn_vf v = kept(x), p = o->form == TANH ? gate(cubic(v)) : normal_below(v, bell(v));
    return tn_select(x > tn_set(0), x, v) * p;
}

/* dy/dx = P(normal < x) + x e^(-x^2 / 2) / sqrt(2 pi), or s + x s (1 - s) dz/dx */
static inline tn_vf slope(tn_vf x, tn_vf y, const config *o)
{
    tn_vf v = kept(x);
    (void)y;
    if (o->form == EXACT) {
        tn_vf b = bell(v);
        return tn_fma(v * b, tn_set(0.39894228f), normal_below(v, b));
    }
    tn_vf s = gate(cubic(v)), by_x = tn_set(1.5957691216f) * tn_fma(tn_set(0.134145f) * v, v, tn_set(1));
    return tn_fma(v * s * (tn_set(1) - s), by_x, s);
}

ELEMENTWISE("gelu", TN_USES_IN, TN_VALUES, "Gaussian error linear unit",
    "y = x P(Z < x), Z standard normal: x (1 + erf(x / sqrt 2)) / 2. With `form = \"tanh\"` it is the paper's approximation\n"
    "x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, which BERT and GPT-2 were trained with.\n\n"
    "The exact form is accurate to 6 ulp, far below zero too, where x (1 + erf) / 2 cancels; the other one to 1e-5 of itself.\n"
    "The slopes are within 2e-6. Minus infinity gives 0, infinity itself.\n\n"
    "    activation = { type = \"gelu\", form = \"tanh\" }\n\n"
    "Source: Hendrycks, Gimpel, *Gaussian Error Linear Units (GELUs)* (2016).\n")
