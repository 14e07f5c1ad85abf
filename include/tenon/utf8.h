/* utf8.h -- UTF-8, one character at a time. The host checks every text that a data set hands on, so that transforms may
 * read without checking. Form: RFC 3629, which has neither surrogates nor overlong forms.                           */
#ifndef TENON_UTF8_H
#define TENON_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Place of the first byte of n that is not part of UTF-8; n where all is well. */
static inline size_t tn_utf8_fault(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < n; ) {
        unsigned char c = s[i];
        size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 9;
        if (more == 9 || i + more >= n) return i;
        for (size_t k = 1; k <= more; k++)
            if ((s[i + k] & 0xc0) != 0x80) return i;
        if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] > 0x9f) || (c == 0xf0 && s[i + 1] < 0x90)
            || (c == 0xf4 && s[i + 1] > 0x8f)) return i;
        i += 1 + more;
    }
    return n;
}

/* The code point at p, of text that is known to be UTF-8, n > 0 bytes of it left; its bytes in *length. */
static inline int32_t tn_utf8_at(const char *p, int64_t n, int64_t *length)
{
    unsigned char c = (unsigned char)*p;
    int64_t k = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    int32_t code = c < 0x80 ? c : c & (0x7f >> k);
    if (k > n) k = n;
    for (int64_t i = 1; i < k; i++) code = code << 6 | ((unsigned char)p[i] & 0x3f);
    *length = k;
    return code;
}
#endif
