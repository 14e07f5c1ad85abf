/* checkpoint.c -- safetensors files.
 *
 * The format (huggingface/safetensors): 8 bytes, little-endian, the length of a JSON header; the header, padded with
 * spaces; the data without holes. The header is padded so that data begin at a multiple of 64, and tensors are
 * ordered by element size, largest first, so that each is aligned to its own elements. Reading copies every tensor to
 * a 64-byte boundary, so files of other programs need not be aligned at all.
 *
 * The checksum is XXH3-128 over header and data, with 32 zeros in the header where the checksum will stand.  */
#include "checkpoint.h"
#include "../include/tenon/tenon.h"
#include "file.h"
#include "memory.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { HEADER_MOST = 100000000, SUM_DIGITS = 32 };
static const char sum_key[] = "tenon_checksum", format_key[] = "tenon_format";
static const char zeros[] = "00000000000000000000000000000000";

static const struct { const char *name; uint32_t dtype; int64_t bytes; } types[] = {
    { "F64", TN_F64, 8 }, { "I64", TN_I64, 8 }, { "F32", TN_F32, 4 }, { "I32", TN_I32, 4 }, { "F16", TN_F16, 2 },
    { "BF16", TN_BF16, 2 }, { "U8", TN_U8, 1 },
};
enum { TYPES = sizeof types / sizeof *types };

static int type_of(uint32_t dtype)
{
    for (int i = 0; i < TYPES; i++)
        if (types[i].dtype == dtype) return i;
    return -1;
}

/* Bytes of a tensor; -1: a bad type or size, or more than 2^62. */
static int64_t tensor_bytes(const checkpoint_tensor *t)
{
    int type = type_of(t->dtype);
    if (type < 0 || t->ndim < 0 || t->ndim > 4) return -1;
    int64_t n = types[type].bytes;
    for (int i = 0; i < t->ndim; i++) {
        if (t->dim[i] < 0 || (t->dim[i] && n > (INT64_C(1) << 62) / t->dim[i])) return -1;
        n *= t->dim[i];
    }
    return n;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

/* Adds the metadata; every value is a string, as the format demands. */
static int put_texts(json_t *header, const checkpoint_text *text, int n, char *error, size_t size)
{
    json_t *meta = json_object();
    if (json_object_set_new(header, "__metadata__", meta)) return TN_ENOMEM;
    json_object_set_new(meta, format_key, json_string("1"));
    json_object_set_new(meta, sum_key, json_string(zeros));
    for (int i = 0; i < n; i++)
        if (json_object_get(meta, text[i].key) || json_object_set_new(meta, text[i].key, json_string(text[i].value))) {
            snprintf(error, size, "checkpoint text '%s' stands there twice or is not UTF-8", text[i].key);
            return TN_EINVAL;
        }
    return TN_OK;
}

/* Adds each tensor in the order of its data, and lists the data. */
static int put_tensors(json_t *header, const checkpoint_tensor *t, int n, file_piece *data, char *error, size_t size)
{
    int64_t at = 0;
    int m = 0;
    for (int64_t bytes = 8; bytes; bytes /= 2)                               /* 8, 4, 2, 1                     */
        for (int i = 0; i < n; i++) {
            int type = type_of(t[i].dtype);
            int64_t all = tensor_bytes(&t[i]);
            if (all < 0) {
                snprintf(error, size, "checkpoint tensor '%s' has a type or size that can't be written", t[i].name);
                return TN_EINVAL;
            }
            if (types[type].bytes != bytes) continue;
            int twice = json_object_get(header, t[i].name) != NULL;
            json_t *shape = json_array();
            for (int d = 0; d < t[i].ndim; d++) json_array_append_new(shape, json_integer(t[i].dim[d]));
            json_t *row = json_pack("{s:s, s:o, s:[I, I]}", "dtype", types[type].name, "shape", shape, "data_offsets",
                                    (json_int_t)at, (json_int_t)(at + all));
            if (json_object_set_new(header, t[i].name, row) || twice) {
                snprintf(error, size, "checkpoint tensor '%s' stands there twice or is not UTF-8", t[i].name);
                return TN_EINVAL;
            }
            data[m++] = (file_piece){ t[i].data, (size_t)all };
            at += all;
        }
    return TN_OK;
}

static void digest(char text[SUM_DIGITS + 1], XXH3_state_t *state)
{
    XXH128_hash_t h = XXH3_128bits_digest(state);
    snprintf(text, SUM_DIGITS + 1, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

/* Where the checksum's digits stand in a header, or NULL. Inside a JSON string a quote is escaped, so these
 * characters in a row are the key and nothing else. */
static char *checksum_at(char *header, size_t n)
{
    static const char mark[] = "\"tenon_checksum\":\"";
    char *found = memmem(header, n, mark, sizeof mark - 1);
    if (!found || (size_t)(found - header) + sizeof mark - 1 + SUM_DIGITS > n) return NULL;
    return found + sizeof mark - 1;
}

int checkpoint_write(const char *path, const checkpoint_tensor *t, int n, const checkpoint_text *text, int n_texts,
                     char *error, size_t size)
{
    file_piece *pieces = memory_new(sizeof *pieces * (size_t)(n + 1));
    json_t *header = json_object();
    char *json = NULL, *head = NULL, sum[SUM_DIGITS + 1];
    int bad = put_texts(header, text, n_texts, error, size);
    if (!bad) bad = put_tensors(header, t, n, pieces + 1, error, size);
    if (!bad && !(json = json_dumps(header, JSON_COMPACT))) {
        snprintf(error, size, "%s: not enough memory for the header", path);
        bad = TN_ENOMEM;
    }
    if (!bad) {
        size_t length = strlen(json), padded = (8 + length + 63) / 64 * 64 - 8;
        head = memory_new(8 + padded);
        for (int i = 0; i < 8; i++) head[i] = (char)(unsigned char)((uint64_t)padded >> (8 * i) & 255);
        memset(head + 8, ' ', padded);
        memcpy(head + 8, json, length);
        pieces[0] = (file_piece){ head, 8 + padded };
        XXH3_state_t *state = XXH3_createState();
        XXH3_128bits_reset(state);
        for (int i = 0; i <= n; i++)
            if (pieces[i].n) XXH3_128bits_update(state, pieces[i].bytes, pieces[i].n);
        digest(sum, state);
        XXH3_freeState(state);
        memcpy(checksum_at(head + 8, padded), sum, SUM_DIGITS);
        bad = file_join(path, pieces, n + 1, error, size);
    }
    free(json);
    json_decref(header);
    memory_free(head);
    memory_free(pieces);
    return bad;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

typedef struct span { int64_t begin, end; } span;
typedef struct reading {
    const char *path;
    int fd;
    int64_t bytes, header_bytes, data_bytes;
    char *header;                          /* 8 bytes of length and the text                                 */
    json_t *json;
    span *span;                            /* [n] of each tensor in the file                                 */
    checkpoint *c;
    char *error; size_t size;
} reading;

__attribute__((format(printf, 2, 3)))
static int damaged(reading *r, const char *format, ...)
{
    va_list args;
    int used = snprintf(r->error, r->size, "%s: ", r->path);
    va_start(args, format);
    if (used > 0 && (size_t)used < r->size) vsnprintf(r->error + used, r->size - (size_t)used, format, args);
    va_end(args);
    return TN_EINVAL;
}

static int read_at(reading *r, void *to, size_t n, int64_t at)
{
    for (char *p = to; n;) {
        ssize_t got = pread(r->fd, p, n < (1u << 30) ? n : 1u << 30, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return damaged(r, "can't be read: %s", strerror(errno));
        if (!got) return damaged(r, "became shorter while it was read");
        p += got, at += got, n -= (size_t)got;
    }
    return TN_OK;
}

/* Length and text of the header, parsed. */
static int read_header(reading *r)
{
    struct stat s;
    uint64_t length = 0;
    unsigned char first[8];
    if (fstat(r->fd, &s)) return damaged(r, "can't be read: %s", strerror(errno));
    if (!S_ISREG(s.st_mode)) return damaged(r, "is no regular file");
    r->bytes = (int64_t)s.st_size;
    if (r->bytes < 10) return damaged(r, "is cut short: %lld bytes", (long long)r->bytes);
    if (read_at(r, first, 8, 0)) return TN_EIO;
    for (int i = 0; i < 8; i++) length |= (uint64_t)first[i] << (8 * i);
    if (length > HEADER_MOST) return damaged(r, "is no safetensors file: its header would have %llu bytes",
                                             (unsigned long long)length);
    if ((int64_t)length > r->bytes - 8)
        return damaged(r, "is cut short: a header of %llu bytes in a file of %lld", (unsigned long long)length,
                       (long long)r->bytes);
    r->header_bytes = 8 + (int64_t)length;
    r->data_bytes = r->bytes - r->header_bytes;
    r->header = memory_new((size_t)r->header_bytes + 1);
    if (read_at(r, r->header, (size_t)r->header_bytes, 0)) return TN_EIO;
    json_error_t why;
    r->json = json_loadb(r->header + 8, (size_t)length, JSON_REJECT_DUPLICATES, &why);
    if (!r->json) return damaged(r, "its header is no JSON: %s (byte %d)", why.text, why.position);
    if (!json_is_object(r->json)) return damaged(r, "its header is no JSON object");
    return TN_OK;
}

static int read_texts(reading *r)
{
    json_t *meta = json_object_get(r->json, "__metadata__"), *value;
    const char *key;
    if (!meta) return TN_OK;
    if (!json_is_object(meta)) return damaged(r, "its metadata is no JSON object");
    r->c->text = memory_new(sizeof *r->c->text * json_object_size(meta));
    json_object_foreach(meta, key, value) {
        if (!json_is_string(value)) return damaged(r, "metadata '%s' is no string", key);
        r->c->text[r->c->n_texts++] = (checkpoint_text){ key, json_string_value(value) };
    }
    return TN_OK;
}

/* One tensor's row: type, shape, place. */
static int read_row(reading *r, const char *name, json_t *row, checkpoint_tensor *t, span *at)
{
    json_t *shape = json_object_get(row, "shape"), *place = json_object_get(row, "data_offsets"), *dim;
    const char *type = json_string_value(json_object_get(row, "dtype"));
    size_t i;
    t->name = name;
    if (!type || !json_is_array(shape) || json_array_size(place) != 2 || !json_is_integer(json_array_get(place, 0))
        || !json_is_integer(json_array_get(place, 1)))
        return damaged(r, "tensor '%s' needs dtype, shape and two data_offsets", name);
    for (i = 0; i < TYPES && strcmp(types[i].name, type); i++) { }
    if (i == TYPES) return damaged(r, "tensor '%s' has type %s, which is not read here (F64 F32 F16 BF16 I64 I32 U8)", name, type);
    t->dtype = types[i].dtype;
    if (json_array_size(shape) > 4)
        return damaged(r, "tensor '%s' has %zu dimensions, at most 4 are read", name, json_array_size(shape));
    json_array_foreach(shape, i, dim) {
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return damaged(r, "tensor '%s' has a dimension that is no size", name);
        t->dim[t->ndim++] = json_integer_value(dim);
    }
    int64_t all = tensor_bytes(t);
    if (all < 0) return damaged(r, "tensor '%s' is larger than a file can be", name);
    *at = (span){ json_integer_value(json_array_get(place, 0)), json_integer_value(json_array_get(place, 1)) };
    if (at->begin < 0 || at->end < at->begin || at->end - at->begin != all)
        return damaged(r, "tensor '%s' takes %lld bytes, its place is %lld to %lld", name, (long long)all,
                       (long long)at->begin, (long long)at->end);
    if (at->end > r->data_bytes)
        return damaged(r, "is cut short: tensor '%s' ends at byte %lld of the data, the file has %lld", name,
                       (long long)at->end, (long long)r->data_bytes);
    return TN_OK;
}

typedef struct order { span at; int i; } order;

static int by_place(const void *a, const void *b)
{
    const order *x = a, *y = b;
    if (x->at.begin != y->at.begin) return x->at.begin < y->at.begin ? -1 : 1;
    if (x->at.end != y->at.end) return x->at.end < y->at.end ? -1 : 1;
    return x->i - y->i;
}

/* All rows, sorted by place, each where the one before ends. */
static int read_rows(reading *r)
{
    checkpoint *c = r->c;
    size_t most = json_object_size(r->json) + 1;
    const char *key;
    json_t *row;
    checkpoint_tensor *unsorted = memory_new(sizeof *unsorted * most);
    order *place = memory_new(sizeof *place * most);
    int n = 0, bad = TN_OK;
    json_object_foreach(r->json, key, row) {
        if (!strcmp(key, "__metadata__")) continue;
        place[n].i = n;
        bad = read_row(r, key, row, &unsorted[n], &place[n].at);
        if (bad) break;
        n++;
    }
    c->tensor = memory_new(sizeof *c->tensor * most);
    r->span = memory_new(sizeof *r->span * most);
    if (!bad) qsort(place, (size_t)n, sizeof *place, by_place);
    int64_t end = 0;
    for (int i = 0; i < n && !bad; i++) {
        c->tensor[i] = unsorted[place[i].i];
        r->span[i] = place[i].at;
        if (place[i].at.begin != end)
            bad = damaged(r, "the data of tensor '%s' begin at byte %lld, expected %lld: they %s", c->tensor[i].name,
                          (long long)place[i].at.begin, (long long)end, place[i].at.begin < end ? "overlap" : "leave a hole");
        end = place[i].at.end;
    }
    if (!bad && end != r->data_bytes)
        bad = damaged(r, "has %lld bytes of data, its header speaks of %lld", (long long)r->data_bytes, (long long)end);
    c->n = bad ? 0 : n;
    memory_free(unsorted);
    memory_free(place);
    return bad;
}

/* The data, each tensor on a 64-byte boundary; and the checksum, where the file has one. */
static int read_data(reading *r)
{
    checkpoint *c = r->c;
    size_t at = 0;
    for (int i = 0; i < c->n; i++) c->bytes += ((size_t)(r->span[i].end - r->span[i].begin) + 63) / 64 * 64;
    c->memory = memory_new(c->bytes);
    const char *sum = checkpoint_value(c, sum_key);
    char *digits = checksum_at(r->header + 8, (size_t)r->header_bytes - 8), expected[SUM_DIGITS + 1];
    if (sum && digits && strlen(sum) == SUM_DIGITS) memcpy(digits, zeros, SUM_DIGITS);
    XXH3_state_t *state = XXH3_createState();
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, r->header, (size_t)r->header_bytes);
    int bad = TN_OK;
    for (int i = 0; i < c->n && !bad; i++) {
        size_t n = (size_t)(r->span[i].end - r->span[i].begin);
        c->tensor[i].data = (char *)c->memory + at;
        bad = read_at(r, c->tensor[i].data, n, r->header_bytes + r->span[i].begin);
        if (!bad && n) XXH3_128bits_update(state, c->tensor[i].data, n);
        at += (n + 63) / 64 * 64;
    }
    digest(expected, state);
    XXH3_freeState(state);
    if (bad) return bad;
    if (sum ? strcmp(sum, expected) : checkpoint_value(c, format_key) != NULL)
        return damaged(r, "is damaged: its checksum is %s, expected %s", sum ? sum : "missing", expected);
    return TN_OK;
}

/* The names and texts in a checkpoint belong to the parsed header, which lives on beside it. */
typedef struct owned { checkpoint c; json_t *json; } owned;

checkpoint *checkpoint_read(const char *path, char *error, size_t size)
{
    owned *o = memory_new(sizeof *o);
    reading r = { .path = path, .c = &o->c, .error = error, .size = size };
    int bad = TN_EIO;
    r.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r.fd < 0) damaged(&r, "can't be read: %s", strerror(errno));
    else bad = read_header(&r);
    if (!bad) bad = read_texts(&r);
    if (!bad) bad = read_rows(&r);
    if (!bad) bad = read_data(&r);
    if (r.fd >= 0) close(r.fd);
    o->json = r.json;
    memory_free(r.header);
    memory_free(r.span);
    if (!bad) return &o->c;
    checkpoint_free(&o->c);
    return NULL;
}

const checkpoint_tensor *checkpoint_find(const checkpoint *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (!strcmp(c->tensor[i].name, name)) return &c->tensor[i];
    return NULL;
}

const char *checkpoint_value(const checkpoint *c, const char *key)
{
    for (int i = 0; i < c->n_texts; i++)
        if (!strcmp(c->text[i].key, key)) return c->text[i].value;
    return NULL;
}

void checkpoint_free(checkpoint *c)
{
    if (!c) return;
    owned *o = (owned *)(void *)c;
    json_decref(o->json);
    memory_free(c->tensor);
    memory_free(c->text);
    memory_free(c->memory);
    memory_free(o);
}
