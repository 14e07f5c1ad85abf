/* plan.h -- nodes as graph.c, run.c and child.c see them, and the functions that tn_api holds for planning and running. */
#ifndef PLAN_H
#define PLAN_H
#include "graph.h"

struct tn_plan { node *of; };

/* plan.c */
node *node_new(graph *, tn_part *, const char *name);
/* Opens the part, clears the node's slots and runs its plan. 0, or < 0 with the message in the host's error. */
int node_plan(node *, uint32_t n_in, const tn_spec *const *in);

int  plan_parent(tn_plan *, int32_t layout);
int  plan_layout(tn_plan *, const tn_grow *);
int  plan_out(tn_plan *, const char *port, const tn_spec *);
int  plan_param(tn_plan *, const tn_param *);
int  plan_state(tn_plan *, const char *port, const tn_spec *, uint32_t flags);
int  plan_saved(tn_plan *, const tn_spec *);
int  plan_work(tn_plan *, const tn_spec *);
int  plan_packed(tn_plan *, int param, int transposed, uint32_t groups);
int  plan_kept(tn_plan *, uint32_t input, int64_t width);
int  plan_decoded(tn_plan *, const tn_spec *);
void plan_uses(tn_plan *, uint32_t what);
int  plan_child(tn_plan *, tn_part *, uint32_t flags, uint32_t n_in, const tn_spec *const *in, tn_child *got);

int node_run(node *, uint32_t phase);      /* run.c: one phase of its part                                        */

/* child.c */
const tn_call *run_enter(const tn_call *, int child, int32_t t);
const tn_call *run_enter_on(const tn_call *, int child, tn_tensor *in);
int run_phase(const tn_call *child, uint32_t phase);
const tn_call *run_enter_free(const tn_call *, int child, int32_t rows);
struct step_view *child_view(node *);      /* the slices of its steps; made at the first call                        */
void child_free(node *);                   /* what its steps hold                                                    */
int run_touch(const tn_call *, int param, int64_t rows, const int32_t *row);
#endif
