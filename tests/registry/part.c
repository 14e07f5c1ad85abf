/* part.c -- one layer, compiled once for each way in which a plug-in can be wrong: CASE_<name> says which. */
#include <tenon/tenon.h>
#if defined(CASE_float_mode)
#include <xmmintrin.h>
__attribute__((constructor)) static void flush_to_zero(void)
{
    _mm_setcsr(_mm_getcsr() | 0x8040);     /* what an object linked with -ffast-math does                    */
}
#endif
#if defined(CASE_undefined)
int somewhere_else(void);
#endif

typedef struct config { int64_t units; double rate; int32_t mode, on; } config;

static const char *const modes[] = { "sum", "mean", NULL };
static const tn_option options[] = {
#if defined(CASE_default)
    TN_INT(config, units, 0, 1, 65536, "size of the hidden state"),
#else
    TN_INT(config, units, 128, 1, 65536, "size of the hidden state"),
#endif
#if defined(CASE_open)
    TN_REAL_X(config, rate, TN_O_OPEN_MAX, 1, 0, 1, "share that is dropped"),
#elif defined(CASE_no_help)
    TN_REAL(config, rate, 0.5, 0, 1, ""),
#elif defined(CASE_twice)
    { "units", "again", TN_O_REAL, 0, offsetof(config, rate), 0, 0, 0.5, NULL, 0, 1, NULL, NULL },
#elif defined(CASE_outside)
    { "rate", "share that is dropped", TN_O_REAL, 0, sizeof(config), 0, 0, 0.5, NULL, 0, 1, NULL, NULL },
#elif defined(CASE_same_bytes)
    { "rate", "share that is dropped", TN_O_REAL, 0, offsetof(config, units), 0, 0, 0.5, NULL, 0, 1, NULL, NULL },
#elif defined(CASE_option_name)
    { "Rate", "share that is dropped", TN_O_REAL, 0, offsetof(config, rate), 0, 0, 0.5, NULL, 0, 1, NULL, NULL },
#elif defined(CASE_option_type)
    { "rate", "share that is dropped", 77, 0, offsetof(config, rate), 0, 0, 0.5, NULL, 0, 1, NULL, NULL },
#else
    TN_REAL(config, rate, 0.5, 0, 1, "share that is dropped"),
#endif
#if defined(CASE_choice)
    TN_ENUM(config, mode, 2, modes, "how steps are joined"),
#else
    TN_ENUM(config, mode, 1, modes, "how steps are joined"),
#endif
    TN_BOOL(config, on, 1, "whether it is on"),
};

static int plan(const tn_api *api, tn_host *host, const void *c, void *self, tn_plan *p, uint32_t n_in,
                const tn_spec *const *in)
{
    (void)host, (void)c, (void)self, (void)n_in;
    return api->add_out(p, NULL, in[0]) < 0 ? TN_EINVAL : TN_OK;
}

static int forward(void *self, const tn_call *c)
{
    (void)self, (void)c;
#if defined(CASE_undefined)
    return somewhere_else();
#else
    return TN_OK;
#endif
}

static const tn_impl any = { .size = sizeof any, .backend = "*",
#if !defined(CASE_no_forward)
    .forward = forward,
#endif
};
static const tn_impl *const impls[] = { &any, NULL };
static const tn_layer layer = {
#if defined(CASE_small_table)
    .size = 16,
#else
    .size = sizeof layer,
#endif
    .min_in = 1, .max_in = 1, .impls = impls,
#if !defined(CASE_no_plan)
    .plan = plan,
#endif
};
static const tn_desc desc = { .size = sizeof desc, .kind = TN_LAYER, .table = &layer, .name = NAME, .brief = "a test",
                              .options = options, .n_options = 4, .option_size = sizeof(tn_option),
                             .config_size = sizeof(config) };
static const tn_desc *const parts[] = { &desc, NULL };

#if defined(CASE_no_entry)
TN_EXPORT const tn_desc *const *another_entry(void);
TN_EXPORT const tn_desc *const *another_entry(void) { return parts; }
#elif defined(CASE_no_record)
TN_EXPORT const tn_plugin *tn_plugin_entry(void) { (void)parts; return NULL; }
#else
TN_EXPORT const tn_plugin *tn_plugin_entry(void)
{
    static const tn_plugin record = {
#if defined(CASE_magic)
        .magic = 0x12345678,
#else
        .magic = TN_MAGIC,
#endif
        .size = sizeof record,
#if defined(CASE_major)
        .abi_major = TN_ABI_MAJOR + 1,
#else
        .abi_major = TN_ABI_MAJOR,
#endif
#if defined(CASE_minor)
        .abi_minor = 7,
#endif
#if defined(CASE_sizes)
        .ptr_bytes = 4, .spec_size = sizeof(tn_spec) + 8, .tile_size = sizeof(tn_tile) - 8, .option_size = 40,
#else
        .ptr_bytes = sizeof(void *), .spec_size = sizeof(tn_spec), .tile_size = sizeof(tn_tile),
        .option_size = sizeof(tn_option),
#endif
        .name = "test", .version = VERSION, .author = "tests", .license = "MIT", .parts = parts };
    return &record;
}
#endif
