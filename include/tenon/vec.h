/* vec.h -- vectors of TN_VL floats and the functions that gates need. The lanes come from the flags of the compilation:
 * 16 with AVX-512, 8 with AVX2 and FMA, else 4 (NEON, or plain C).
 *
 * The same bits in every lane, at every width and in plain C: each function is the same sequence of single operations,
 * an fma is written as one, division is true division, choices are compare and select. Tails go through the same code
 * by tn_loadn and tn_storen. Against the exact value in double: exp and log are within 1 ulp, tanh and expm1 within 1.5,
 * sigmoid and log1p within 2.                                                                                */
#ifndef TENON_VEC_H
#define TENON_VEC_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define TN_VL 16
#elif defined(__AVX2__) && defined(__FMA__)
#define TN_VL 8
#else
#define TN_VL 4
#endif
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

typedef float   tn_vf __attribute__((vector_size(4 * TN_VL)));
typedef int32_t tn_vi __attribute__((vector_size(4 * TN_VL)));
typedef uint32_t tn_vu __attribute__((vector_size(4 * TN_VL)));
#define TN_INLINE static inline __attribute__((always_inline, unused))

TN_INLINE tn_vf tn_load(const float *p)
{
    tn_vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
TN_INLINE void tn_store(float *p, tn_vf v) { memcpy(p, &v, sizeof v); }
/* The first n lanes, up to TN_VL; the others are zero. Memory behind the n is not touched. */
#if TN_VL == 16
/* Four and eight lanes go as such: a load under a mask waits for a store that is not as wide to reach the cache. */
TN_INLINE tn_vf tn_loadn(const float *p, int64_t n)
{
    if (n == 4) return (tn_vf)_mm512_zextps128_ps512(_mm_loadu_ps(p));
    if (n == 8) return (tn_vf)_mm512_zextps256_ps512(_mm256_loadu_ps(p));
    return (tn_vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}
TN_INLINE void tn_storen(float *p, tn_vf v, int64_t n)
{
    if (n == 4) _mm_storeu_ps(p, _mm512_castps512_ps128((__m512)v));
    else if (n == 8) _mm256_storeu_ps(p, _mm512_castps512_ps256((__m512)v));
    else _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif TN_VL == 8
/* Four lanes go as such: what was stored as four and is read as eight waits for the store to reach the cache. Stores under a mask
 * are slow on AMD's processors. */
TN_INLINE __m128 tn_load4n(const float *p, int64_t n)
{
    static const int32_t first[8] = { -1, -1, -1, -1 };
    return n >= 4 ? _mm_loadu_ps(p) : _mm_maskload_ps(p, _mm_loadu_si128((const __m128i *)(const void *)(first + 4 - n)));
}
TN_INLINE tn_vf tn_loadn(const float *p, int64_t n)
{
    __m256 low = _mm256_zextps128_ps256(tn_load4n(p, n));
    return (tn_vf)(n <= 4 ? low : _mm256_insertf128_ps(low, tn_load4n(p + 4, n - 4), 1));
}
TN_INLINE void tn_storen(float *p, tn_vf v, int64_t n)
{
    __m128 left = _mm256_castps256_ps128((__m256)v);
    if (n >= TN_VL) {
        tn_store(p, v);
        return;
    }
    if (n & 4) {
        _mm_storeu_ps(p, left);
        left = _mm256_extractf128_ps((__m256)v, 1), p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, left);
        left = _mm_movehl_ps(left, left), p += 2;
    }
    if (n & 1) _mm_store_ss(p, left);
}
#else
TN_INLINE tn_vf tn_loadn(const float *p, int64_t n)
{
    float all[TN_VL] = { 0 };
    memcpy(all, p, sizeof(float) * (size_t)n);
    return tn_load(all);
}
TN_INLINE void tn_storen(float *p, tn_vf v, int64_t n)
{
    float all[TN_VL];
    tn_store(all, v);
    memcpy(p, all, sizeof(float) * (size_t)n);
}
#endif
/* The same value in every lane. x - 0 is x for every x, -0 too; x + 0 is not. */
TN_INLINE tn_vf tn_set(float x) { tn_vf zero = { 0 }; return x - zero; }

/* a b + c with one rounding */
TN_INLINE tn_vf tn_fma(tn_vf a, tn_vf b, tn_vf c)
{
#if TN_VL == 16
    return (tn_vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif TN_VL == 8
    return (tn_vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_NEON)
    return (tn_vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    tn_vf r = { fmaf(a[0], b[0], c[0]), fmaf(a[1], b[1], c[1]), fmaf(a[2], b[2], c[2]), fmaf(a[3], b[3], c[3]) };
    return r;
#endif
}
/* Where mask (all ones or all zeros in a lane) is set: a, else b. */
TN_INLINE tn_vf tn_select(tn_vi mask, tn_vf a, tn_vf b)
{
#if TN_VL == 8
    return (tn_vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
#else
    return (tn_vf)(((tn_vi)a & mask) | ((tn_vi)b & ~mask));
#endif
}
/* Where x < 0 (or -0): a, else b. */
TN_INLINE tn_vf tn_select_negative(tn_vf x, tn_vf a, tn_vf b)
{
#if TN_VL == 8
    return (tn_vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)x);
#else
    tn_vi zero = { 0 };
    return tn_select((tn_vi)x < zero, a, b);
#endif
}
TN_INLINE tn_vf tn_abs(tn_vf x) { return (tn_vf)((tn_vi)x & 0x7fffffff); }

/* e^x = 2^n e^r, x = n ln 2 + r, |r| <= ln 2 / 2. e^r by 1 + r + r^2 q(r), q of degree 4 with the least largest error over this
 * range, 0.05 ulp; 2^n by adding n to the exponent. Wanted: a finite, normal result. */
TN_INLINE tn_vf tn_exp_normal(tn_vf x)
{
    tn_vf one = tn_set(1.0f), magic = tn_set(12582912.0f), n = tn_fma(x, tn_set(1.44269504f), magic);
    tn_vi to_exponent = (tn_vi)((tn_vu)n << 23); /* the bits of magic have no place there and go */
    n = n - magic;
    tn_vf r = tn_fma(n, tn_set(-0.693359375f), x);
    r = tn_fma(n, tn_set(2.12194440e-4f), r);
    tn_vf p = tn_set(1.3814539988e-3f);
    p = tn_fma(p, r, tn_set(8.3687451164e-3f));
    p = tn_fma(p, r, tn_set(4.1668390787e-2f));
    p = tn_fma(p, r, tn_set(1.6666520399e-1f));
    p = tn_fma(p, r, tn_set(4.9999993432e-1f));
    p = tn_fma(p, r, one);
    return (tn_vf)((tn_vi)tn_fma(p, r, one) + to_exponent);
}

/* e^x. Above 88.7: infinity; below -87.3: 0; NaN stays. */
TN_INLINE tn_vf tn_exp(tn_vf x)
{
    tn_vf least = tn_set(-87.33654f), most = tn_set(88.72283f);
    tn_vf p = tn_exp_normal(tn_select(x > most, most, tn_select(x < least, least, x)));
    p = tn_select(x > most, tn_set(INFINITY), p);
    return tn_select(x < least, tn_set(0.0f), p);
}

/* e^x - 1, which keeps its precision near 0: x = n ln 2 + r as above, 2^n (e^r - 1) + (2^n - 1), by halves since 2^128 is no
 * float. Above 88.7: infinity. */
TN_INLINE tn_vf tn_expm1(tn_vf x)
{
    tn_vf least = tn_set(-87.33654f), most = tn_set(88.72283f), magic = tn_set(12582912.0f), half = tn_set(0.5f);
    tn_vf v = tn_select(x > most, most, tn_select(x < least, least, x)), n = tn_fma(v, tn_set(1.44269504f), magic);
    tn_vf scale = (tn_vf)((tn_vi)half + (tn_vi)((tn_vu)n << 23));
    n = n - magic;
    tn_vf r = tn_fma(n, tn_set(-0.693359375f), v);
    r = tn_fma(n, tn_set(2.12194440e-4f), r);
    tn_vf p = tn_set(1.3814539988e-3f);
    p = tn_fma(p, r, tn_set(8.3687451164e-3f));
    p = tn_fma(p, r, tn_set(4.1668390787e-2f));
    p = tn_fma(p, r, tn_set(1.6666520399e-1f));
    p = tn_fma(p, r, tn_set(4.9999993432e-1f));
    tn_vf y = tn_fma(scale, tn_fma(p, r * r, r), scale - half);
    return tn_select(x > most, tn_set(INFINITY), y + y);
}

/* 1 / (1 + e^-x) as t / (1 + t) for x < 0, 1 / (1 + t) else, t = e^-|x|, which never grows; below x = -87.3: e^-87.3.
 * With s = 1 + t rounded and y = t / s, what the rounding lost, e = t - (s - 1), is taken out: t / (s + e) is about y - y e,
 * closest where s is near 1, and there it matters most. */
TN_INLINE tn_vf tn_sigmoid(tn_vf x)
{
    tn_vf one = tn_set(1.0f), least = tn_set(-87.33654f), down = -tn_abs(x);
    tn_vf t = tn_exp_normal(tn_select(least > down, least, down)), s = one + t, e = (one - s) + t;
    tn_vf y = tn_select_negative(x, t, one) / s;
    return tn_fma(-y, e, y);
}

/* |x| < 0.625: x + x^3 P(x^2), odd, so small values keep their precision; else sign(x) (1 - 2 / (e^2|x| + 1)), which is 1
 * from |x| = 9.1 on */
TN_INLINE tn_vf tn_tanh(tn_vf x)
{
    tn_vf z = x * x, a = tn_abs(x), one = tn_set(1.0f), most = tn_set(20.0f), b = tn_select(a > most, most, a);
    tn_vf p = tn_set(-5.70498872745e-3f);
    p = tn_fma(p, z, tn_set(2.06390887954e-2f));
    p = tn_fma(p, z, tn_set(-5.37397155531e-2f));
    p = tn_fma(p, z, tn_set(1.33314422036e-1f));
    p = tn_fma(p, z, tn_set(-3.33332819422e-1f));
    tn_vf y = one - tn_set(2.0f) / (tn_exp_normal(b + b) + one);
    y = tn_select(a < tn_set(0.625f), tn_fma(p * z, a, a), y);
    return (tn_vf)((tn_vi)y | ((tn_vi)x & INT32_MIN));
}

/* Natural logarithm: x = m 2^e with m in [sqrt(1/2), sqrt(2)), a polynomial in m - 1. 0 gives -infinity, negative NaN. */
TN_INLINE tn_vf tn_log(tn_vf x)
{
    tn_vi bits = (tn_vi)x, e = ((bits >> 23) & 255) - 126;
    tn_vf m = (tn_vf)((bits & 0x007fffff) | 0x3f000000); /* [0.5, 1) */
    tn_vi less = m < tn_set(0.707106781f);
    tn_vf k = __builtin_convertvector(e + less, tn_vf); /* less is -1 where true */
    m = tn_select(less, m + m, m) - tn_set(1.0f);
    tn_vf z = m * m, p = tn_set(7.0376836292e-2f);
    p = tn_fma(p, m, tn_set(-1.1514610310e-1f));
    p = tn_fma(p, m, tn_set(1.1676998740e-1f));
    p = tn_fma(p, m, tn_set(-1.2420140846e-1f));
    p = tn_fma(p, m, tn_set(1.4249322787e-1f));
    p = tn_fma(p, m, tn_set(-1.6668057665e-1f));
    p = tn_fma(p, m, tn_set(2.0000714765e-1f));
    p = tn_fma(p, m, tn_set(-2.4999993993e-1f));
    p = tn_fma(p, m, tn_set(3.3333331174e-1f));
    tn_vf y = p * m * z;
    y = tn_fma(k, tn_set(-2.12194440e-4f), y);
    y = tn_fma(tn_set(-0.5f), z, y);
    y = tn_fma(k, tn_set(0.693359375f), m + y);
    y = tn_select(x == tn_set(INFINITY), x, y);
    y = tn_select(x == tn_set(0.0f), tn_set(-INFINITY), y);
    return tn_select(x >= tn_set(0.0f), y, tn_set(NAN));
}

/* log(1 + x), which keeps its precision near 0: with u = 1 + x rounded, what the rounding lost is put back by its slope, 1 / u.
 * -1 gives -infinity, below NaN. */
TN_INLINE tn_vf tn_log1p(tn_vf x)
{
    tn_vf one = tn_set(1.0f), u = one + x, lost = x - (u - one), y = tn_log(u);
    tn_vi whole = (u == tn_set(INFINITY)) | (u == tn_set(0.0f));
    return tn_select(whole, y, y + lost / u);
}
#endif
