/* lstm.c -- long short-term memory in one direction. The arithmetic is in lstm_core.h. */
#include "lstm_core.h"

static const tn_option options[] = {
    LSTM_OPTIONS, TN_BOOL(config, reverse, 0, "walk from the end of each sequence to its first step")
};

static int plan(const tn_api *api, tn_host *host, const void *f, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    (void)n_in;
    return plan_lstm(api, host, f, self, p, in[0], 1);
}

static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, TN_L_RECURRENT | TN_L_INDEXED | TN_L_SETS, 1, 1, plan, impls, NULL, 0, 0, NULL, initialize };
static const tn_desc desc = {
    sizeof desc, TN_LAYER, &table, "lstm", "long short-term memory",
    "`z = x W_ih' + bias + h' W_hh'`, gates in the order i f g o; `c = f c' + i g`, `h = o tanh(c)`. Gives every step; "
    "`.state` and `.cell` give one row a sequence, after its last step. Hochreiter and Schmidhuber 1997; forget gate: Gers, "
    "Schmidhuber and Cummins 2000. Parameters as PyTorch's nn.LSTM: weight_ih (4H x I), weight_hh (4H x H), bias (4H).\n\n"
    LSTM_DOC,
    TN_OPTIONS(options), sizeof(config), sizeof(lstm), NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("lstm", "1.0.0", "Tenon", "MIT", "", parts)
