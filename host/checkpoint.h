/* checkpoint.h -- tensors and text in one safetensors file, written so that a crash leaves the old or the new one.
 * An XXH3 checksum over header and data stands in the
 * metadata ("tenon_checksum"), so a truncated or altered file is known as such.                              */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include <stddef.h>
#include <stdint.h>

typedef struct checkpoint_tensor {
    const char *name;
    uint32_t dtype;                        /* TN_F32, TN_F64, TN_I32, TN_I64, TN_U8                          */
    int32_t  ndim; int64_t dim[4];
    void *data;
} checkpoint_tensor;
typedef struct checkpoint_text { const char *key, *value; } checkpoint_text;

/* 0, or < 0 with a message that names the file and the cause (disk full ...). The old file, if any, is intact then. */
int checkpoint_write(const char *path, const checkpoint_tensor *, int n, const checkpoint_text *, int n_texts,
                     char *error, size_t size);

typedef struct checkpoint {                /* a read file; everything belongs to it                          */
    checkpoint_tensor *tensor; int n;
    checkpoint_text *text; int n_texts;
    void *memory; size_t bytes;
} checkpoint;
checkpoint *checkpoint_read(const char *path, char *error, size_t size); /* NULL: message                    */
const checkpoint_tensor *checkpoint_find(const checkpoint *, const char *name);
const char *checkpoint_value(const checkpoint *, const char *key);       /* NULL: absent                     */
void checkpoint_free(checkpoint *);
#endif
