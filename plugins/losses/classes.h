/* classes.h -- what losses on class ids share: the ids of a batch are checked once, before any thread reads by them. */
#ifndef CLASSES_H
#define CLASSES_H
#include <tenon/tenon.h>

/* 0, or < 0 after a message: every id must lie in 0 .. classes-1, or be `ignore`. */
static inline int check_ids(const tn_call *c, const char *loss, const tn_tensor *target, int64_t classes,
                            int64_t ignore)
{
    const int32_t *id = target->data;
    for (int64_t r = 0; r < target->rows; r++)
        if ((id[r] < 0 || id[r] >= classes) && id[r] != ignore)
            return tn_fail(c->api, c->host, TN_EINVAL,
                           "%s: row %lld of the target is class %d; there are classes 0 to %lld", loss,
                           (long long)r, id[r], (long long)classes - 1);
    return TN_OK;
}

/* A loss has one value a row, on the rows of its output. */
static inline int add_row_loss(const tn_api *api, tn_plan *p, const tn_spec *in)
{
    tn_spec y = { .dtype = TN_F32, .layout = in->layout, .rows = in->rows, .width = 1 };
    int slot = api->add_out(p, NULL, &y);
    return slot < 0 ? slot : TN_OK;
}
#endif
