/* api.c -- tn_api: everything that a part may call, in the order of tenon.h. host.c has what needs no graph, plan.c what
 * a part calls while it plans itself, child.c what it calls while it runs.                                    */
#include "plan.h"

/* The table of an activation (or whatever kind) that the user put into an option. */
static const void *api_part_table(tn_part *part, uint32_t kind, void **self)
{
    if (!part || !part->desc || part->kind != kind) return NULL;
    if (!part->self && part->desc->open && part->desc->self_size) return NULL; /* part_make opens inner parts */
    if (self) *self = part->self;
    return part->desc->table;
}

const tn_api host_api = {
    sizeof host_api, TN_WANT_MINOR, api_fail, api_log, api_ext, api_word,
    plan_parent, plan_layout, plan_out, plan_param, plan_state, plan_saved, plan_work, plan_packed, plan_uses, plan_child,
    run_enter, run_phase, run_enter_free, run_touch, api_part_table, plan_kept, plan_decoded, run_enter_on };
