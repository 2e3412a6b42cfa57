/// \file plugin.h
/// What a plugin exports, what an algorithm is, and what the host offers it.
#ifndef ZOO_PLUGIN_H
#define ZOO_PLUGIN_H

#include "zoo/base.h"

/// Severity of a message to `zoo_host_v1.log`.
#define ZOO_LEVEL_DEBUG 0
#define ZOO_LEVEL_INFO 1
#define ZOO_LEVEL_WARNING 2
#define ZOO_LEVEL_ERROR 3

/// The host, as a plugin sees it. Lives as long as the algorithm that was created with it.
typedef struct zoo_host_v1 {
    uint32_t size, flags;
    uint32_t abi_version, reserved;  ///< ZOO_ABI_VERSION of the headers it was built with
    void *ctx;

    /// A service by its id, "zoo.model/1"; NULL where this host does not offer it. The table lives as long as the host. Ids that begin
    /// with "zoo." are this contract's. `id` is NUL-terminated. [any-thread]
    const void *(*get_extension)(void *ctx, const char *id);

    /// A message to the run's log, in UTF-8; control characters are left out. `level` is a ZOO_LEVEL_*. [any-thread]
    void (*log)(void *ctx, int32_t level, zoo_str message);

    /// 1 when the run is to stop: return ZOO_CANCELLED from `step` soon. [any-thread]
    int32_t (*cancelled)(void *ctx);

    /// Gives back a `zoo_batch` or a `zoo_list` that a service handed out. NULL is allowed. Anything else, and a second release, ends the
    /// run. [job-thread], not in a loss.
    void (*release)(void *ctx, const void *object);
} zoo_host_v1;

/// Takes bytes from an algorithm's `save`. May be called any number of times, in order. [job-thread], in `save`; a status other than
/// ZOO_OK is returned from `save` as it is.
typedef int32_t (*zoo_sink_fn)(void *sink_ctx, const uint8_t *bytes, uint64_t n, zoo_error *err);

/// One training run of one algorithm. Made by `create`, owned by the host until `destroy`.
typedef struct zoo_algorithm_v1 {
    uint32_t size, flags;
    void *self;

    /// One iteration of the algorithm, for example rollout, update and metrics. On an error the run stops, so the status says why:
    /// ZOO_CANCELLED where the host asked to stop, that of a call to the host which failed, or the algorithm's own. [job-thread]
    int32_t (*step)(void *self, zoo_error *err);

    /// Writes all state that a later `load` needs to go on bit for bit. Called between steps. [job-thread]
    int32_t (*save)(void *self, zoo_sink_fn sink, void *sink_ctx, zoo_error *err);

    /// Takes up saved state. Called once, before the first step. `bytes` is borrowed, and may be NULL where n is 0. ZOO_DATA_LOSS where
    /// the bytes are not such a state; the algorithm is then only destroyed. [job-thread]
    int32_t (*load)(void *self, const uint8_t *bytes, uint64_t n, zoo_error *err);

    /// An extension of the algorithm by its id; NULL where it has none of that name. The table lives as long as the algorithm.
    /// `id` is NUL-terminated. [job-thread]
    const void *(*get_extension)(void *self, const char *id);

    /// Frees the algorithm and this table. It may release what it holds of the host, and nothing else. [job-thread]
    void (*destroy)(void *self);
} zoo_algorithm_v1;

/// What a plugin says of one algorithm. Static data. Texts have no control characters.
typedef struct zoo_algorithm_info_v1 {
    uint32_t size, flags;
    zoo_str id;          ///< "grpo": lower-case letters, digits and hyphens
    zoo_str title;       ///< "Group Relative Policy Optimization"
    zoo_str summary;     ///< one line
    zoo_str paper;       ///< authors, year, and where to read it
    /// The parameters: a subset of JSON Schema. {"type": "object", "properties": {NAME: PROPERTY, ...}}. A name is of lower-case
    /// letters, digits and underscores. A property has
    ///   "type"      "number", "integer", "boolean", "string", "array", "object", or [one of the first four, "null"]
    ///   "default"   of that type; every property has one
    ///   "description"   one sentence
    /// and may have
    ///   "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"   of a number
    ///   "enum"      the allowed texts
    ///   "items"     {"type": ...} of an array: "number", "integer", "boolean" or "string"
    ///   "counts"    what the number counts: "prompts", "samples_per_prompt", "pairs", "examples" (single sequences), "passes" over
    ///               an iteration's samples, or "minibatches" of a pass. A host that brings samples of its own sets these to fit.
    ///   "aliases"   other names that a recipe may write, and "formerly", those that it no longer may. The host replaces the former
    ///               and refuses the latter, so `create` sees the property's own name alone.
    /// Beside "properties" may stand "order", the properties' names as people should read them, and "additionalProperties": false,
    /// which holds anyway. Other keywords are ignored. Without "properties", as in {}, there are no parameters; a member that is no
    /// keyword of JSON Schema is then refused, for it is a parameter in the wrong place.
    zoo_str parameters;
    /// JSON: {"data": one or more of "prompts", "pairs", "examples", any of which suffices, "roles": [...], "services": [...]}
    zoo_str needs;
    /// JSON: an array of {"name": "deepseekmath", "source": ..., "summary": ..., "parameters": {...}, "notes": [...]}: settings of
    /// the parameters that a paper or a program names. The name is of lower-case letters, digits and hyphens; what `parameters`
    /// leaves out keeps its default. Empty where there are none.
    zoo_str presets;
} zoo_algorithm_info_v1;

/// The plugin. Static data, the same pointer at every call of the entry.
typedef struct zoo_plugin_v1 {
    uint32_t size, flags;
    uint32_t abi_version, reserved;  ///< ZOO_ABI_VERSION of the headers it was built with
    zoo_str toolchain;               ///< "swift 6.3.1", "clang 21.0.0": what made it
    const zoo_algorithm_info_v1 *const *algorithms;
    uint64_t n_algorithms;           ///< 0 is allowed for a library that offers something else by `get_extension`

    /// Makes an algorithm. `parameters` is a JSON object of what the recipe sets, which the host has held against the schema; absent
    /// ones take their default. "zoo.parameters/1" gives the same, completed, by name. A plugin that reads the JSON refuses an
    /// unknown name, a wrong type or a value out of range; every plugin refuses values that do not fit together: ZOO_INVALID_ARGUMENT
    /// with the parameter's name in the message. ZOO_NOT_FOUND for an unknown `id`.
    /// Texts are borrowed for the call; `host` outlives the algorithm. On an error `*out` is NULL and nothing is left behind. Of the host
    /// it may call functions marked [any-thread] and "zoo.parameters/1"; the other services only from `step` on. [job-thread]
    int32_t (*create)(zoo_str id, const zoo_host_v1 *host, zoo_str parameters, zoo_algorithm_v1 **out, zoo_error *err);

    /// What the library offers besides algorithms, by its id, such as "zoo.reward-function/1"; NULL where it has none of that name.
    /// Static data. May itself be NULL. `id` is NUL-terminated. [any-thread]
    const void *(*get_extension)(const char *id);
} zoo_plugin_v1;

#ifdef __cplusplus
extern "C" {
#endif

/// The one exported symbol. Idempotent; NULL never. [any-thread]
ZOO_EXPORT const zoo_plugin_v1 *zoo_plugin_entry_v1(void);

#ifdef __cplusplus
}
#endif

#endif
