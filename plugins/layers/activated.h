/* activated.h -- y = act(z) at the end of a layer's own arithmetic, where act is a part that the user may have named. */
#ifndef ACTIVATED_H
#define ACTIVATED_H
#include <tenon/tenon.h>

typedef struct activated {
    const tn_activation *act; void *self;  /* NULL: y is z                                          */
    int z, dz;                             /* saved slots; -1: z is not kept, or y itself           */
} activated;

/* The activation that the user named, for rows of that width; NULL after fail(). */
static inline const tn_activation *activation_of(const tn_api *api, tn_host *host, const char *name, tn_part *part, int64_t width,
                                                 void **self)
{
    const tn_activation *act = TN_HAS(api, part_table) ? api->part_table(part, TN_ACTIVATION, self) : NULL;
    if (!act) {
        tn_fail(api, host, TN_EUNSUPPORTED, "%s: the host cannot open the activation", name);
        return NULL;
    }
    if (width > 1 || !(act->flags & TN_A_NORMALIZES)) return act;
    tn_fail(api, host, TN_EINVAL,
            "%s: a softmax over one number is 1 whatever the number is, so nothing could be learned. Two classes need 1 unit with "
            "sigmoid (or none) and binary_cross_entropy, or 2 units with softmax (or none) and cross_entropy", name);
    return NULL;
}

/* Finds the activation, if one was named, and asks for its slots, which are as y. Sets what y means. */
static inline int activated_plan(const tn_api *api, tn_host *host, tn_plan *p, const char *name, tn_part *part, tn_spec *y,
                                 activated *a)
{
    int rc = TN_OK;
    *a = (activated){ NULL, NULL, -1, -1 };
    if (!part) return TN_OK;
    if (!(a->act = activation_of(api, host, name, part, y->width, &a->self))) return TN_EINVAL;
    y->means = a->act->means;
    if (a->act->flags & TN_USES_IN) rc = a->z = api->add_saved(p, y);
    if (rc >= 0) rc = a->dz = api->add_saved(p, y);
    return rc < 0 ? rc : TN_OK;
}

/* What backward and gradient read again of a layer that needs its input for the weights. */
static inline uint32_t activated_uses(const activated *a)
{
    return a->act && a->act->flags & TN_USES_OUT ? TN_USES_IN | TN_USES_OUT : TN_USES_IN;
}

/* Where z is to be written. */
static inline float *activated_z(const activated *a, const tn_call *c, float *y)
{
    return a->z >= 0 ? c->saved[a->z]->data : y;
}

static inline int activated_forward(const activated *a, const tn_call *c, int64_t rows, int64_t width, float *y)
{
    return a->act ? a->act->forward(a->self, c->be, rows, width, activated_z(a, c, y), y) : TN_OK;
}

/* dz = dy act'(z), kept for the phases that follow. */
static inline int activated_backward(const activated *a, const tn_call *c, int64_t rows, int64_t width, const float *y,
                                     const float *dy)
{
    if (!a->act) return TN_OK;
    return a->act->backward(a->self, c->be, rows, width, a->z >= 0 ? c->saved[a->z]->data : NULL, y, dy,
                            c->saved[a->dz]->data);
}

/* dz; without an activation it is dy. */
static inline const float *activated_dz(const activated *a, const tn_call *c, const float *dy)
{
    return a->act ? c->saved[a->dz]->data : dy;
}
#endif
