/* bilstm.c -- two LSTMs over the same rows, one from each end of every sequence, side by side. */
#include "lstm_core.h"

static const tn_option options[] = { LSTM_OPTIONS };

static int plan(const tn_api *api, tn_host *host, const void *f, void *self, tn_plan *p, uint32_t n_in, const tn_spec *const *in)
{
    (void)n_in;
    return plan_lstm(api, host, f, self, p, in[0], 2);
}

static const tn_impl impl = { sizeof impl, 0, "cpu", forward, backward, gradient };
static const tn_impl *const impls[] = { &impl, NULL };
static const tn_layer table = { sizeof table, TN_L_RECURRENT | TN_L_INDEXED | TN_L_REVERSE | TN_L_SETS, 1, 1, plan, impls, NULL, 0, 0, NULL,
                                initialize };
static const tn_desc desc = {
    sizeof desc, TN_LAYER, &table, "bilstm", "long short-term memory in both directions",
    "The forward half of a row is an LSTM from the first step on, the backward half one from the sequence's own last step. "
    "Width 2 x units. `.state` has the forward half after the last step and the backward half after the first: what a "
    "classifier of whole sequences should read; `.cell` likewise. Schuster and Paliwal 1997; Graves and Schmidhuber 2005.\n\n"
    LSTM_DOC,
    TN_OPTIONS(options), sizeof(config), sizeof(lstm), NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, NULL };
TN_PLUGIN("bilstm", "1.0.0", "Tenon", "MIT", "", parts)
