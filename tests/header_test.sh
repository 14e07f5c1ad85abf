#!/bin/sh
# header_test.sh BUILD -- tenon.h compiles without a warning as C11, C++11 and C++20, by gcc and clang, and by nvcc where it
# is installed; so do random.h, utf8.h and vec.h. The probe uses every macro that a plug-in's tables are written with.
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0 skipped=0
cp -r "$here/../include" "$tmp/include"
cat >"$tmp/probe.c" <<'END'
#include <tenon/tenon.h>
#include <tenon/random.h>
#include <tenon/vec.h>
#include <tenon/utf8.h>
typedef struct config {
    int32_t flag, choice; int64_t units, size; double rate; const char *text, *path; tn_part *cell;
    tn_list parts, whole, real, words;
} config;
static const char *const choices[] = { "sum", "mean", NULL };
static const tn_option options[] = {
    TN_INT(config, units, 3, 1, 9, "units"), TN_SIZE(config, size, 3, 1, 9, "size"), TN_REAL(config, rate, 0.5, 0, 1, "rate"),
    TN_INT_X(config, units, TN_O_REQUIRED, 0, 0, 1, "x"), TN_REAL_X(config, rate, TN_O_OPEN_MIN, 1, 0, 1, "x"),
    TN_STR(config, text, NULL, "text"), TN_PATH(config, path, NULL, "path"), TN_BOOL(config, flag, 1, "flag"),
    TN_ENUM(config, choice, 0, choices, "choice"), TN_SUBPART(config, cell, TN_LAYER, "lstm", "cell"),
    TN_SUBPARTS(config, parts, TN_METRIC, NULL, "parts"), TN_INTS(config, whole, "[1]", "whole"),
    TN_REALS(config, real, "[1.0]", "real"), TN_STRS(config, words, NULL, "words"),
};
typedef struct every_type {
    tn_list list; tn_option option; tn_layout layout; tn_pairs pairs; tn_index index; tn_spec spec; tn_tensor tensor; tn_rng rng;
    tn_param param; tn_grow grow; tn_child child; tn_api api; tn_tile tile; tn_product product; tn_be be; tn_ops ops;
    tn_backend backend; tn_desc desc; tn_call call; tn_impl impl; tn_port port; tn_layer layer; tn_activation activation;
    tn_loss loss; tn_update update; tn_optimizer optimizer; tn_progress progress; tn_schedule schedule; tn_stop stop;
    tn_initializer initializer; tn_regularizer regularizer; tn_metric metric; tn_scalar scalar; tn_logger logger; tn_value value;
    tn_sink sink; tn_column column; tn_dataset dataset; tn_transform transform; tn_baseline baseline; tn_plugin plugin;
} every_type;
static double rate(void *self, const tn_progress *p, double base)
{
    tn_rng rng = { 1, 2 };
    (void)self;
    return TN_HAS(p, value) ? base * tn_random_real(rng, 0) + tn_random_normal(rng, 1) + (double)tn_random_uniform(rng, 2)
                            : (double)sizeof(every_type);
}
static int check(const tn_api *api, tn_host *host, const void *c)
{
    return ((const config *)c)->units ? TN_OK : tn_fail(api, host, TN_EINVAL, "%d units", 0);
}
static const tn_schedule table = { sizeof table, 0, rate };
static const tn_desc desc = { sizeof desc, TN_SCHEDULE, &table, "probe", "brief", "doc", TN_OPTIONS(options), sizeof(config), 0,
                              check, NULL, NULL, NULL, NULL, NULL };
static const tn_desc bare = { sizeof bare, TN_SCHEDULE, &table, "bare", "brief", "doc", TN_NO_OPTIONS, 0, 0,
                              NULL, NULL, NULL, NULL, NULL, NULL };
static const tn_desc *const parts[] = { &desc, &bare, NULL };
TN_PLUGIN("probe", "1", "", "MIT", "", parts)
END
cp "$tmp/probe.c" "$tmp/probe.cc"
cp "$tmp/probe.c" "$tmp/probe.cu"
warn='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'
try() { # compiler, standard, file
    if ! command -v "$1" >/dev/null; then skipped=$((skipped + 1)); echo "skip: header as $2 by $1 (not installed)"; return; fi
    if "$1" -std="$2" $warn -I"$tmp/include" -fPIC -c -o "$tmp/probe.o" "$tmp/$3" >"$tmp/out" 2>&1; then passed=$((passed + 1))
    else failed=$((failed + 1)); echo "FAILED: header as $2 by $1:"; head -n 8 "$tmp/out"; fi
}
for cc in gcc clang; do try $cc c11 probe.c; done
for cxx in g++ clang++; do for std in c++11 c++17 c++20; do try $cxx $std probe.cc; done; done
if command -v nvcc >/dev/null; then
    if nvcc -std=c++17 -Xcompiler -Wall,-Wextra,-Werror -I"$tmp/include" -c -o "$tmp/probe.o" "$tmp/probe.cu" >"$tmp/out" 2>&1
    then passed=$((passed + 1))
    else failed=$((failed + 1)); echo 'FAILED: header by nvcc:'; head -n 8 "$tmp/out"; fi
else skipped=$((skipped + 1)); echo 'skip: header by nvcc (not installed)'; fi
echo "header: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
