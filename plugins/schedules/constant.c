/* constant.c -- the learning rate stays as it is. */
#include <tenon/tenon.h>

static double rate(void *self, const tn_progress *p, double base)
{
    (void)self, (void)p;
    return base;
}

static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = {
    .size = sizeof desc, .kind = TN_SCHEDULE, .table = &table, .name = "constant",
    .brief = "the learning rate stays as it is",
    .doc = "rate = learning_rate at every step. The same as no schedule; of use with `warmup`, or to\n"
           "undo the schedule of a file that is extended.\n",
    .option_size = sizeof(tn_option) };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("constant", "1.0", "The Tenon authors", "MIT", "", parts)
