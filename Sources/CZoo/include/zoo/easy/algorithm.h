/// \file algorithm.h
/// An algorithm's table, its state, its schema, and the library's entry.
#ifndef ZOO_EASY_ALGORITHM_H
#define ZOO_EASY_ALGORITHM_H

#include "zoo/easy/scope.h"

/// The first member of a plugin's own struct, which the host's `self` then points to.
typedef struct zoo_base {
    zoo_algorithm_v1 table;
    const zoo_host_v1 *host;
} zoo_base;

static inline const void *zoo_no_extension(void *self, const char *id) {
    (void)self;
    (void)id;
    return NULL;
}

typedef int32_t (*zoo_step_fn)(void *self, zoo_error *err);
typedef int32_t (*zoo_save_fn)(void *self, zoo_sink_fn sink, void *sink_ctx, zoo_error *err);
typedef int32_t (*zoo_load_fn)(void *self, const uint8_t *bytes, uint64_t n, zoo_error *err);

/// An algorithm of `bytes` bytes, zeroed, that begins with a `zoo_base`. NULL with an error for another `id` than `own`, for a host
/// too old, and without memory.
static inline void *zoo_make(zoo_scope *scope, zoo_str id, const char *own, size_t bytes, zoo_step_fn step, zoo_save_fn save,
                             zoo_load_fn load) {
    zoo_base *base;
    if (!zoo_is(id, own)) {
        zoo_stop(scope, ZOO_NOT_FOUND, "this plugin has one algorithm: '%s'", own);
        return NULL;
    }
    if (!ZOO_HAS(scope->host, zoo_host_v1, release) || scope->host->get_extension == NULL || scope->host->release == NULL) {
        zoo_stop(scope, ZOO_INVALID_ARGUMENT, "the host's table is too short: it needs get_extension and release");
        return NULL;
    }
    base = (zoo_base *)calloc(1, bytes);
    if (base == NULL) {
        zoo_stop(scope, ZOO_RESOURCE_EXHAUSTED, "no memory for the algorithm '%s'", own);
        return NULL;
    }
    base->table.size = sizeof base->table;
    base->table.self = base;
    base->table.step = step;
    base->table.save = save;
    base->table.load = load;
    base->table.get_extension = zoo_no_extension;
    base->table.destroy = free;
    base->host = scope->host;
    return base;
}

/// The end of `create`: hands the algorithm to the host, or frees it where the scope has an error.
static inline int32_t zoo_made(zoo_scope *scope, void *algorithm, zoo_algorithm_v1 **out) {
    *out = scope->status == ZOO_OK ? &((zoo_base *)algorithm)->table : NULL;
    if (scope->status != ZOO_OK) free(algorithm);
    return zoo_end(scope);
}

/// Bytes at the start of a saved state, the name of what it is of, in zeros.
#define ZOO_STATE_NAME 16u

/// Saves `n` bytes as the state that is called `name`, of at most 15 characters.
static inline int32_t zoo_save(const char *name, const void *state, size_t n, zoo_sink_fn sink, void *sink_ctx, zoo_error *err) {
    char head[ZOO_STATE_NAME] = {0};
    int32_t status;
    memcpy(head, name, strlen(name) < sizeof head ? strlen(name) : sizeof head - 1);
    status = sink(sink_ctx, (const uint8_t *)head, sizeof head, err);
    return status != ZOO_OK || n == 0 ? status : sink(sink_ctx, (const uint8_t *)state, n, err);
}

/// Reads such a state back; ZOO_DATA_LOSS for any other bytes. What its numbers may be is the caller's to check.
static inline int32_t zoo_load(const char *name, void *state, size_t n, const uint8_t *bytes, uint64_t given, zoo_error *err) {
    char head[ZOO_STATE_NAME] = {0};
    memcpy(head, name, strlen(name) < sizeof head ? strlen(name) : sizeof head - 1);
    if (given != sizeof head + n || memcmp(bytes, head, sizeof head) != 0)
        return zoo_fail(err, ZOO_DATA_LOSS, "these %llu bytes are no state '%s', which has %llu", (unsigned long long)given, name,
                        (unsigned long long)(sizeof head + n));
    if (n > 0) memcpy(state, bytes + sizeof head, n);
    return ZOO_OK;
}

/// Defines `TYPE_save` and `TYPE_load` of an algorithm whose state is one member of plain data; `valid` says of the loaded
/// `self` whether its numbers are such as the algorithm makes.
#define ZOO_STATE(type, member, name, valid)                                                                                       \
    static int32_t type##_save(void *context, zoo_sink_fn sink, void *sink_ctx, zoo_error *err) {                                  \
        const type *self = (const type *)context;                                                                                  \
        return zoo_save(name, &self->member, sizeof self->member, sink, sink_ctx, err);                                            \
    }                                                                                                                              \
    static int32_t type##_load(void *context, const uint8_t *bytes, uint64_t n, zoo_error *err) {                                  \
        type *self = (type *)context;                                                                                              \
        int32_t status = zoo_load(name, &self->member, sizeof self->member, bytes, n, err);                                        \
        if (status != ZOO_OK || (valid)) return status;                                                                            \
        return zoo_fail(err, ZOO_DATA_LOSS, "the numbers in the saved state '%s' are out of range", name);                         \
    }

/// The same for an algorithm without state.
#define ZOO_STATELESS(type, name)                                                                                                  \
    static int32_t type##_save(void *context, zoo_sink_fn sink, void *sink_ctx, zoo_error *err) {                                  \
        (void)context;                                                                                                             \
        return zoo_save(name, NULL, 0, sink, sink_ctx, err);                                                                       \
    }                                                                                                                              \
    static int32_t type##_load(void *context, const uint8_t *bytes, uint64_t n, zoo_error *err) {                                  \
        (void)context;                                                                                                             \
        return zoo_load(name, NULL, 0, bytes, n, err);                                                                             \
    }

// The entry ----------------------------------------------------------------------------------------------------------------------

#define ZOO_QUOTED(x) #x
#define ZOO_QUOTE(x) ZOO_QUOTED(x)
#if defined(__clang__)
#define ZOO_TOOLCHAIN "clang " ZOO_QUOTE(__clang_major__) "." ZOO_QUOTE(__clang_minor__) "." ZOO_QUOTE(__clang_patchlevel__)
#elif defined(__GNUC__)
#define ZOO_TOOLCHAIN "gcc " ZOO_QUOTE(__GNUC__) "." ZOO_QUOTE(__GNUC_MINOR__) "." ZOO_QUOTE(__GNUC_PATCHLEVEL__)
#else
#define ZOO_TOOLCHAIN "c compiler"
#endif

/// A schema: `ZOO_SCHEMA(ZOO_INTEGER(...) ", " ZOO_REAL(...))`. Numbers and texts are literals.
#define ZOO_SCHEMA(properties) "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {" properties "}}"
/// The same with the names in the order in which people should read them: `"\"prompts\", \"beta\""`.
#define ZOO_SCHEMA_ORDERED(order, properties)                                                                                      \
    "{\"type\": \"object\", \"additionalProperties\": false, \"order\": [" order "], \"properties\": {" properties "}}"
/// A parameter; `more` is further keys, as ", \"formerly\": [\"kl_coef\"]".
#define ZOO_PROPERTY(name, type, value, low, high, more, about)                                                                    \
    "\"" name "\": {\"type\": \"" type "\", \"default\": " #value ", \"minimum\": " #low ", \"maximum\": " #high                   \
    more ", \"description\": \"" about "\"}"
#define ZOO_REAL(name, value, low, high, about) ZOO_PROPERTY(name, "number", value, low, high, "", about)
#define ZOO_INTEGER(name, value, low, high, about) ZOO_PROPERTY(name, "integer", value, low, high, "", about)
/// `what` is what the number counts: prompts, samples_per_prompt, pairs, examples, passes, minibatches.
#define ZOO_COUNT(name, value, low, high, what, about)                                                                             \
    ZOO_PROPERTY(name, "integer", value, low, high, ", \"counts\": \"" what "\"", about)

/// What an algorithm needs; `roles` is a JSON list's inside: `"\"policy\", \"reference\""`.
#define ZOO_NEEDS(data, roles, services)                                                                                           \
    "{\"data\": \"" data "\", \"roles\": [" roles "], \"services\": [\"" ZOO_DATA_ID "\", \"" ZOO_MODEL_ID "\", \""                \
    ZOO_LOG_ID "\"" services "]}"
/// Of one that samples and asks for rewards, and of one that trains on pairs.
#define ZOO_NEEDS_SAMPLES(roles) ZOO_NEEDS("prompts", roles, ", \"" ZOO_ROLLOUT_ID "\", \"" ZOO_REWARD_ID "\"")
#define ZOO_NEEDS_PAIRS(roles) ZOO_NEEDS("pairs", roles, "")

/// The library's entry, for one algorithm. All but `create` are literals; see `zoo_algorithm_info_v1` for what they hold.
#define ZOO_PLUGIN(id, title, summary, paper, parameters, needs, presets, create)                                                  \
    static const zoo_algorithm_info_v1 zoo_own_info = {                                                                            \
        sizeof(zoo_algorithm_info_v1), 0, ZOO_TEXT(id), ZOO_TEXT(title), ZOO_TEXT(summary), ZOO_TEXT(paper),                       \
        ZOO_TEXT(parameters), ZOO_TEXT(needs), ZOO_TEXT(presets)};                                                                 \
    static const zoo_algorithm_info_v1 *const zoo_own_infos[] = {&zoo_own_info};                                                   \
    static const zoo_plugin_v1 zoo_own_plugin = {                                                                                  \
        sizeof(zoo_plugin_v1), 0, ZOO_ABI_VERSION, 0, ZOO_TEXT(ZOO_TOOLCHAIN), zoo_own_infos, 1, create, NULL};                    \
    ZOO_EXPORT const zoo_plugin_v1 *zoo_plugin_entry_v1(void) {                                                                    \
        return &zoo_own_plugin;                                                                                                    \
    }                                                                                                                              \
    typedef int zoo_own_entry

#endif
