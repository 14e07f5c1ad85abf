/* activations_test.c -- elementwise activations against their definitions in double, over all floats in steps: the accuracy
 * that their documentation states, the extremes (80, the infinities, NaN, -0), and the same bits in a tail as in a vector.
 *
 *     activations_test PLUGINS */
#include "test_host.h"

static double phi(double x) { return 0.5 * erfc(-x / sqrt(2.0)); }
static double logistic(double x) { return 1 / (1 + exp(-x)); }
static double log_1p_exp(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double cubic(double x) { return 2 * sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x); }

static const double selu_alpha = 1.6732632423543772848, selu_scale = 1.0507009873554804934;
static double relu(double x) { return x > 0 ? x : 0; }
static double d_relu(double x) { return x > 0; }
static double leaky(double x) { return x > 0 ? x : (double)0.3f * x; }
static double d_leaky(double x) { return x > 0 ? 1 : (double)0.3f; }
static double hard(double x) { return x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + 0.5; }
static double d_hard(double x) { return x <= -3 || x >= 3 ? 0 : 1.0 / 6; }
static double elu(double x) { return x > 0 ? x : expm1(x); }
static double d_elu(double x) { return x > 0 ? 1 : exp(x); }
static double selu(double x) { return selu_scale * (x > 0 ? x : selu_alpha * expm1(x)); }
static double d_selu(double x) { return selu_scale * (x > 0 ? 1 : selu_alpha * exp(x)); }
static double softplus2(double x) { return log_1p_exp(2 * x) / 2; }
static double d_softplus2(double x) { return logistic(2 * x); }
static double swish(double x) { return x * logistic(x); }
static double d_swish(double x) { double s = logistic(x); return s + x * s * logistic(-x); }
static double gelu(double x) { return x * phi(x); }
static double d_gelu(double x) { return phi(x) + x * exp(-x * x / 2) / sqrt(2 * acos(-1.0)); }
static double gelu_tanh(double x) { return x * logistic(cubic(x)); }
static double d_gelu_tanh(double x)
{
    double s = logistic(cubic(x));
    return s + x * s * logistic(-cubic(x)) * 2 * sqrt(2 / acos(-1.0)) * (1 + 0.134145 * x * x);
}

/* ulp: of the value, wherever it is a normal float, or `loose` of absolute error; slope: largest absolute error; low: the
 * value at minus infinity. At infinity it is `high`. */
static const struct {
    const char *toml;
    double (*value)(double), (*slope)(double), ulp, loose, off, low, high;
} all[] = {
    { "relu", relu, d_relu, 0, 0, 0, 0, INFINITY },
    { "tanh", tanh, NULL, 1.5, 0, 0, -1, 1 },
    { "sigmoid", logistic, NULL, 2, 1.2e-38, 0, 0, 1 },
    { "{ type = 'leaky_relu', slope = 0.3 }", leaky, d_leaky, 0.5, 0, 0, -INFINITY, INFINITY },
    { "hard_sigmoid", hard, d_hard, 1, 3e-8, 1e-8, 0, 1 },
    { "elu", elu, d_elu, 2, 0, 6e-8, -1, INFINITY },
    { "selu", selu, d_selu, 2, 0, 2.4e-7, -1.7580993408473768, INFINITY },
    { "{ type = 'softplus', beta = 2 }", softplus2, d_softplus2, 3, 0, 1.2e-7, 0, INFINITY },
    { "swish", swish, d_swish, 3, 2e-36, 5e-7, 0, INFINITY },
    { "gelu", gelu, d_gelu, 6, 2e-37, 1e-6, 0, INFINITY },
    { "{ type = 'gelu', form = 'tanh' }", gelu_tanh, d_gelu_tanh, 120, 2e-36, 2e-6, 0, INFINITY } };
enum { ALL = sizeof all / sizeof *all, MOST = 1 << 21 };

static double ulps(double got, double want)
{
    float near = (float)want;
    if (fabsf(near) < 1.2e-38f) return fabs(got - want) <= 1.2e-38 ? 0 : 1e9;
    return fabs(got - want) / ldexp(1, ilogbf(near) - 23);
}

/* Floats of either sign up to 1e30, their bits in even steps. */
static int64_t sweep(float *x)
{
    int64_t n = 0;
    for (uint32_t bits = 0; bits < 0xffff0000u && n < MOST; bits += 4099) {
        memcpy(&x[n], &bits, sizeof *x);
        if (isfinite(x[n]) && fabsf(x[n]) < 1e30f && (fabsf(x[n]) > 1e-30f || x[n] == 0)) n++;
    }
    return n;
}

static int run(test_host *h, tn_part *part, int64_t n, const float *x, float *y, float *dx)
{
    const tn_activation *t = part->desc->table;
    for (int64_t i = 0; i < n; i++) dx[i] = 1;
    int rc = t->forward(part->self, &h->be, 1, n, x, y);
    return rc ? rc : t->backward(part->self, &h->be, 1, n, t->flags & TN_USES_IN ? x : NULL, t->flags & TN_USES_OUT ? y : NULL, dx, dx);
}

static void test_accuracy(test_host *h, int k, tn_part *part)
{
    float *x = memory_new(4 * MOST), *y = memory_new(4 * MOST), *dx = memory_new(4 * MOST);
    int64_t n = sweep(x);
    double worst = 0, off = 0, at = 0, off_at = 0;
    expect(!run(h, part, n, x, y, dx), "%s fails", all[k].toml);
    for (int64_t i = 0; i < n; i++) {
        double d = (double)x[i], want = all[k].value(d), u = ulps((double)y[i], want);
        if (u > worst && fabs((double)y[i] - want) > all[k].loose) worst = u, at = d;
        double far = all[k].slope ? fabs((double)dx[i] - all[k].slope(d)) : 0;
        if (!(far <= off)) off = isnan(far) ? INFINITY : far, off_at = d;
    }
    printf("%s: at most %.2f ulp, its slope off by %.2g, over %lld numbers\n", all[k].toml, worst, off, (long long)n);
    expect(worst <= all[k].ulp, "%s: %.2f ulp off at %.9g; %g is allowed", all[k].toml, worst, at, all[k].ulp);
    expect(off <= all[k].off || !all[k].slope, "%s: its slope is off by %.3g at %.9g; %g is allowed", all[k].toml, off, off_at,
           all[k].off);
    memory_free(x), memory_free(y), memory_free(dx);
}

/* y and the slope are defined at the extremes: the limits, never a NaN that no NaN went into. */
static void test_extremes(test_host *h, int k, tn_part *part)
{
    enum { N = 19 };
    static const float at[] = { INFINITY, -INFINITY, NAN, 80, -80, 3e38f, -3e38f, 0, -0.0f, 1e-45f, 1000, -1000, 20, -20, 13.5f, -13.5f,
                                88.8f, -88.8f, 1 };
    float y[N], dx[N], tail;
    expect(!run(h, part, N, at, y, dx), "%s fails", all[k].toml);
    expect(isinf(all[k].high) ? y[0] == (float)all[k].high : ulps((double)y[0], all[k].high) <= 1, "%s: %g at infinity", all[k].toml,
           (double)y[0]);
    expect(isinf(all[k].low) ? y[1] == (float)all[k].low : fabs((double)y[1] - all[k].low) <= 2e-7, "%s: %g at minus infinity",
           all[k].toml, (double)y[1]);
    expect(isnan(y[2]), "%s: %g of a NaN", all[k].toml, (double)y[2]);
    for (int i = 0; i < N; i++) {
        if (i == 2) continue;
        expect(!isnan(y[i]) && isfinite(dx[i]), "%s: y is %g, its slope %g at %g", all[k].toml, (double)y[i], (double)dx[i], (double)at[i]);
        if (i > 2)
            expect(isinf(y[i]) ? y[i] == (float)all[k].value((double)at[i])
                               : fabs((double)y[i] - all[k].value((double)at[i])) <= 1e-6 * fabs(all[k].value((double)at[i])) + 2e-6,
                   "%s: %g at %g, expected %g", all[k].toml, (double)y[i], (double)at[i], all[k].value((double)at[i]));
        ((const tn_activation *)part->desc->table)->forward(part->self, &h->be, 1, 1, &at[i], &tail);
        expect(!memcmp(&tail, &y[i], 4), "%s: another number at %g when it is alone", all[k].toml, (double)at[i]);
    }
}

/* A row of log_softmax, and rows that have no probabilities. */
static void test_log_softmax(test_host *h)
{
    static const float x[][3] = { { 1000, 999, -INFINITY }, { NAN, 0, 0 }, { INFINITY, 0, 0 }, { -INFINITY, -INFINITY, -INFINITY } };
    float y[3];
    tn_part *part = test_part_of(h, TN_ACTIVATION, "log_softmax");
    for (int r = 0; r < 4; r++) {
        ((const tn_activation *)part->desc->table)->forward(part->self, &h->be, 1, 3, x[r], y);
        if (r) expect(isnan(y[1]), "log_softmax: row %d gives %g, expected NaN", r, (double)y[1]);
        else
            expect(fabs((double)y[0] + 0.31326169) < 1e-6 && fabs((double)y[1] + 1.31326169) < 1e-6 && y[2] == -INFINITY,
                   "log_softmax of 1000, 999, -inf: %g %g %g", (double)y[0], (double)y[1], (double)y[2]);
    }
    part_close(part);
}

int main(int argc, char **argv)
{
    test_host h;
    if (argc < 2 || test_open(&h, argv[1], registry_isa(), 2)) return 2;
    for (int k = 0; k < ALL; k++) {
        tn_part *part = test_part_of(&h, TN_ACTIVATION, all[k].toml);
        expect(part != NULL, "%s: no such activation", all[k].toml);
        if (!part) continue;
        test_accuracy(&h, k, part);
        test_extremes(&h, k, part);
        part_close(part);
    }
    test_log_softmax(&h);
    test_close(&h);
    return expect_end("activations");
}
