/* others.c -- the checks of parts that are no layers: activations, optimizers, regularizers, initializers, schedules, stops;
 * transforms, metrics and data sets have files of their own. What needs an experiment to be of use (loggers, baselines,
 * backends) is opened and closed here, and its tables were checked when the file was accepted.                      */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checks.h"

/* The part opened, with a backend. "" where it refuses these options, as it may if it says why: nothing to check then. */
static const char *open_part(probe *p, const subject *s)
{
    if (probe_part(p, s->path, s->kind, s->name, s->options)) return "";
    if (!part_open(&p->context, p->part)) return NULL;
    return p->host.error[0] ? "" : "cannot be opened, and does not say why";
}

static const char *check_opens(const subject *s)
{
    probe p;
    const char *bad = open_part(&p, s);
    if (bad) return *bad ? bad : NULL;
    process_before(s->path);
    for (int k = 0; k < 2; k++) {
        part_close(p.part);
        if (part_open(&p.context, p.part)) return fault("opens once, but not again: %s", p.host.error);
    }
    part_close(p.part);
    return process_after();
}

/* ---- activations ----------------------------------------------------------------------------------------------------------- */
static const char *check_activation(const subject *s)
{
    enum { ROWS = 7, WIDTH = 5, N = ROWS * WIDTH };
    probe p;
    const char *bad = s->kind == TN_ACTIVATION ? open_part(&p, s) : NULL;
    if (bad || s->kind != TN_ACTIVATION) return bad && *bad ? bad : NULL;
    const tn_activation *t = p.part->desc->table;
    float x[N], y[N], y2[N], dy[N], dx[N], dx2[N];
    process_before(s->path);
    for (int i = 0; i < N; i++) {
        x[i] = 3 * made_up(1, (uint64_t)i), dy[i] = made_up(2, (uint64_t)i);
        y[i] = dx[i] = NAN, y2[i] = x[i], dx2[i] = dy[i];
    }
    if (t->forward(p.part->self, &p.be, ROWS, WIDTH, x, y) || t->forward(p.part->self, &p.be, ROWS, WIDTH, y2, y2))
        return "forward failed";
    if (memcmp(y, y2, sizeof y)) return "forward in place (x == y) gives other bits";
    if (t->backward(p.part->self, &p.be, ROWS, WIDTH, x, y, dy, dx)
        || t->backward(p.part->self, &p.be, ROWS, WIDTH, x, y, dx2, dx2)) return "backward failed";
    if (memcmp(dx, dx2, sizeof dx)) return "backward in place (dx == dy) gives other bits, or it adds where it must set";
    for (int i = 0; i < N; i++) {
        double side[2], e = 1e-2;
        for (int sign = 0; sign < 2; sign++) {
            float moved[N], out[N];
            memcpy(moved, x, sizeof x);
            moved[i] += (float)(sign ? -e : e);
            t->forward(p.part->self, &p.be, ROWS, WIDTH, moved, out);
            side[sign] = 0;
            for (int j = 0; j < N; j++) side[sign] += (double)dy[j] * (double)out[j];
        }
        double got = (side[0] - side[1]) / (2 * e);
        if (fabsf(x[i]) > 0.02f && !(fabs(got - (double)dx[i]) <= 5e-4 + 4e-3 * fabs(got)))
            return fault("the gradient at x = %g is %g, finite differences say %g", (double)x[i], (double)dx[i], got);
    }
    float alone[WIDTH];
    for (int r = 0; r < ROWS; r++) {
        t->forward(p.part->self, &p.be, 1, WIDTH, x + r * WIDTH, alone);
        if (memcmp(alone, y + r * WIDTH, sizeof alone)) return "a row alone has other bits than among others";
    }
    return process_after();
}

/* ---- optimizers -------------------------------------------------------------------------------------------------------------- */
enum { UPDATED = 96, MOST_SLOTS = 8 };
typedef struct updated { float value[UPDATED], slot[MOST_SLOTS][UPDATED]; } updated;

/* One step on elements from .. to - 1. */
static int take_step(const probe *p, updated *a, int64_t step, int from, int to, const float *g)
{
    const tn_optimizer *t = p->part->desc->table;
    float number[TN_NUMBERS] = { 0 }, *at[MOST_SLOTS];
    uint32_t slots = TN_HAS(t, slots_used) ? t->slots_used(p->part->self) : t->slots;
    for (uint32_t k = 0; k < MOST_SLOTS; k++) at[k] = k < slots ? a->slot[k] + from : NULL;
    tn_update u = { sizeof u, 0, step, 0.01, 0.001, number, 0, NULL, NULL, at };
    if (TN_HAS(t, prepare) && t->prepare(p->part->self, &u, number)) return 1;
    u.n = to - from, u.p = a->value + from, u.g = g ? g + from : NULL;
    return t->step(p->part->self, (tn_be *)&p->be, &u);
}

/* Steps on all at once, and on pieces: element by element, so the same bits. A step without gradients is one on zeros,
 * or leaves everything alone. */
static const char *check_optimizer(const subject *s)
{
    probe p;
    const char *bad = s->kind == TN_OPTIMIZER ? open_part(&p, s) : NULL;
    if (bad || s->kind != TN_OPTIMIZER) return bad && *bad ? bad : NULL;
    const tn_optimizer *t = p.part->desc->table;
    static const int cut[] = { 0, 1, 17, 40, 41, UPDATED };
    updated whole, pieces, silent, before;
    float g[UPDATED];
    memset(&whole, 0, sizeof whole);
    if (t->slots > MOST_SLOTS) return fault("wants %u values for each parameter; %d is the most", t->slots, MOST_SLOTS);
    if (TN_HAS(t, slots_used) && t->slots_used(p.part->self) > t->slots)
        return fault("uses %u values for each parameter and declares %u", t->slots_used(p.part->self), t->slots);
    process_before(s->path);
    for (int i = 0; i < UPDATED; i++) whole.value[i] = made_up(3, (uint64_t)i);
    pieces = whole;
    for (int64_t step = 1; step <= 4; step++) {
        for (int i = 0; i < UPDATED; i++) g[i] = step == 4 ? 0 : made_up(4 + (uint64_t)step, (uint64_t)i);
        silent = before = whole;
        if (take_step(&p, &whole, step, 0, UPDATED, g)) return "step failed";
        for (int c = 0; c < 5; c++)
            if (take_step(&p, &pieces, step, cut[c], cut[c + 1], g)) return "step failed";
        if (memcmp(&whole, &pieces, sizeof whole)) return "an element's update depends on how the parameters are cut into pieces";
    }
    if (take_step(&p, &silent, 4, 0, UPDATED, NULL)) return "a step without gradients failed";
    if (memcmp(&silent, &whole, sizeof whole) && memcmp(&silent, &before, sizeof before))
        return "a step without gradients (g == NULL) is neither the step on zeros nor none";
    for (int i = 0; i < UPDATED; i++)
        if (!isfinite(whole.value[i])) return "an update is not finite";
    return process_after();
}

/* ---- regularizers ----------------------------------------------------------------------------------------------------- */
/* A bound on rows: a row that was brought back stays, has the same bits alone as among others, and is finite. */
static const char *check_constraint(const subject *s)
{
    enum { ROWS = 6, WIDTH = 7, N = ROWS * WIDTH };
    probe p;
    const char *bad = s->kind == TN_REGULARIZER ? open_part(&p, s) : NULL;
    if (bad || s->kind != TN_REGULARIZER) return bad && *bad ? bad : NULL;
    const tn_regularizer *t = p.part->desc->table;
    float w[N], once[N], alone[N], twice[N];
    if (!TN_HAS(t, constrain)) return NULL;
    process_before(s->path);
    for (int r = 0; r < ROWS; r++)
        for (int i = r * WIDTH; i < (r + 1) * WIDTH; i++) w[i] = r == 2 ? 0 : (float)(1 + r) * made_up(11, (uint64_t)i); /* one of zeros, too */
    memcpy(once, w, sizeof w), memcpy(alone, w, sizeof w);
    if (t->constrain(p.part->self, &p.be, ROWS, WIDTH, once)) return "constrain failed";
    for (int r = 0; r < ROWS; r++)
        if (t->constrain(p.part->self, &p.be, 1, WIDTH, alone + r * WIDTH)) return "constrain failed on one row";
    if (memcmp(once, alone, sizeof once)) return "a row alone has other bits than among others";
    memcpy(twice, once, sizeof once);
    if (t->constrain(p.part->self, &p.be, ROWS, WIDTH, twice) || t->constrain(p.part->self, &p.be, 0, WIDTH, twice))
        return "constrain failed on rows that are as they should be, or on none";
    for (int i = 0; i < N; i++) {
        if (!isfinite(once[i])) return "a row is not finite afterwards";
        if (!(fabsf(twice[i] - once[i]) <= 1e-6f * (1 + fabsf(once[i])))) return "a row that was brought back is changed again";
    }
    return process_after();
}

static const char *check_regularizer(const subject *s)
{
    enum { N = 70 };
    probe p;
    const char *bad = s->kind == TN_REGULARIZER ? open_part(&p, s) : NULL;
    if (bad || s->kind != TN_REGULARIZER) return bad && *bad ? bad : NULL;
    const tn_regularizer *t = p.part->desc->table;
    float w[N], zero[N] = { 0 }, one[N];
    double sum = NAN, side[2];
    if (!t->add) return NULL;
    process_before(s->path);
    for (int i = 0; i < N; i++) w[i] = made_up(9, (uint64_t)i), one[i] = 1;
    if (t->add(p.part->self, &p.be, N, w, zero, &sum) || t->add(p.part->self, &p.be, N, w, one, &sum)) return "add failed";
    if (!isfinite(sum)) return "left the penalty unwritten, or it is not finite";
    for (int i = 0; i < N; i++) {
        if (!(fabsf(one[i] - 1 - zero[i]) <= 1e-4f * (1 + fabsf(zero[i])))) return "the gradient is set, not added";
        float moved[N], ignored[N] = { 0 }, e = 1e-2f;
        for (int sign = 0; sign < 2; sign++) {
            memcpy(moved, w, sizeof w);
            moved[i] += sign ? -e : e;
            if (t->add(p.part->self, &p.be, N, moved, ignored, &side[sign])) return "add failed";
        }
        double got = (side[0] - side[1]) / (2 * (double)e);
        if (fabsf(w[i]) > 2 * e && !(fabs(got - (double)zero[i]) <= 1e-4 + 1e-2 * fabs(got)))
            return fault("the gradient at %g is %g, finite differences say %g", (double)w[i], (double)zero[i], got);
    }
    return process_after();
}

/* ---- pure functions --------------------------------------------------------------------------------------------------- */
static const char *check_pure(const subject *s)
{
    probe p;
    const char *bad = s->kind == TN_SCHEDULE || s->kind == TN_STOP || s->kind == TN_INITIALIZER ? open_part(&p, s) : NULL;
    if (bad || (s->kind != TN_SCHEDULE && s->kind != TN_STOP && s->kind != TN_INITIALIZER)) return bad && *bad ? bad : NULL;
    process_before(s->path);
    double value[6] = { 0.5, 0.6, 0.55, 0.54, 0.53, 0.52 };
    for (int64_t step = 1; step <= 60; step += 7) {
        tn_progress q = { sizeof q, 1, step, 60, 1 + (step - 1) / 10, 6, 10, value, (step - 1) / 10, 1, 0, 0 };
        if (s->kind == TN_SCHEDULE) {
            const tn_schedule *t = p.part->desc->table;
            double a = t->rate(p.part->self, &q, 0.1), b = t->rate(p.part->self, &q, 0.1);
            if (!isfinite(a) || a < 0) return fault("the rate at step %lld is %g", (long long)step, a);
            if (a != b) return "gives another rate when it is asked again; a resume asks again";
        } else if (s->kind == TN_STOP) {
            const tn_stop *t = p.part->desc->table;
            const char *why = NULL;
            int a = t->decide(p.part->self, &q, &why), b = t->decide(p.part->self, &q, &why);
            if (a != b) return "decides otherwise when it is asked again; a resume asks again";
            if (a > 0 && !why) return "stops without saying why";
        }
    }
    if (s->kind == TN_INITIALIZER) {
        float a[60], b[60];
        tn_param w = { sizeof w, 0, "weight", NULL, 2, 1, { 10, 6, 0, 0 }, 6, 10, 0, 0 };
        const tn_initializer *t = p.part->desc->table;
        for (int i = 0; i < 60; i++) a[i] = b[i] = NAN;
        if (t->fill(p.part->self, &w, 10, 6, (tn_rng){ 1, 2 }, a) || t->fill(p.part->self, &w, 10, 6, (tn_rng){ 1, 2 }, b))
            return "fill failed";
        for (int i = 0; i < 60; i++)
            if (!isfinite(a[i])) return "left a value unwritten, or it is not finite";
        if (memcmp(a, b, sizeof a)) return "gives other values for the same random numbers";
    }
    return process_after();
}

const check other_checks[] = {
    { "opens and closes", check_opens }, { "an activation by rows, in place, against finite differences", check_activation },
    { "an update element by element", check_optimizer }, { "a penalty against finite differences", check_regularizer },
    { "a bound on rows", check_constraint },
    { "asked twice", check_pure }, { "values through a transform", check_transform },
    { "a split in any batches", check_metric }, { "examples of a data set", check_dataset },
    { "save and load", check_saved }, { NULL, NULL } };
