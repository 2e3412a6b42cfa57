/// \file reward_function.h
/// Rewards by a library, "zoo.reward-function/1": an extension of `zoo_plugin_v1`, found by its `get_extension`.
///
/// The library may offer algorithms, rewards, or both. A recipe names it as `{function: library, library: FILE, reward: ID}`.
#ifndef ZOO_REWARD_FUNCTION_H
#define ZOO_REWARD_FUNCTION_H

#include "zoo/plugin.h"
#include "zoo/batch.h"

#define ZOO_REWARD_FUNCTION_ID "zoo.reward-function/1"

/// One call of a reward. The host makes it; the library reads it and writes into `data` of `reward` and `step_reward`.
typedef struct zoo_reward_call {
    uint32_t size, flags;
    /// The samples, tokens and mask as the policy made them, with these columns beside those of a rollout, all ZOO_STRING:
    ///   `prompt`, `completion`  the texts; empty where the sample is an image, which is then in the column `sample`
    ///   `extras`                the dataset row's further columns, a JSON object
    /// A text is whatever a policy can write: empty, of any length, of any characters. What makes no sense is worth 0 or NaN; it is no
    /// error.
    /// Borrowed for the call.
    const zoo_batch *samples;
    zoo_array *reward;       ///< f64 [n_sequences], 0 at first; NaN: it cannot score that one
    zoo_array *step_reward;  ///< f64 [n_steps], 0 at first: the part of the reward that came at each action, where it knows; the rest
                             ///< of `reward` came at the end
} zoo_reward_call;

/// One reward of one run. Made by `create`, owned by the host until `destroy`.
typedef struct zoo_reward_function_v1 {
    uint32_t size, flags;
    void *self;

    /// Scores samples. The same sample gives the same number, whatever else is scored with it. ZOO_INVALID_ARGUMENT where a row lacks
    /// what the reward reads, with the column's name in the message. [job-thread]
    int32_t (*score)(void *self, zoo_reward_call *call, zoo_error *err);

    /// Frees the reward and this table. [job-thread]
    void (*destroy)(void *self);
} zoo_reward_function_v1;

/// What a library says of one reward. Static data. Texts have no control characters.
typedef struct zoo_reward_info_v1 {
    uint32_t size, flags;
    zoo_str id;          ///< "exact-match": lower-case letters, digits and hyphens
    zoo_str summary;     ///< one line
    zoo_str parameters;  ///< as in `zoo_algorithm_info_v1`
} zoo_reward_info_v1;

/// The extension. Static data.
typedef struct zoo_reward_functions_v1 {
    uint32_t size, flags;
    const zoo_reward_info_v1 *const *rewards;
    uint64_t n_rewards;

    /// Makes a reward, as `zoo_plugin_v1.create` makes an algorithm. Of the host it may call functions marked [any-thread] and
    /// "zoo.parameters/1". [job-thread]
    int32_t (*create)(zoo_str id, const zoo_host_v1 *host, zoo_str parameters, zoo_reward_function_v1 **out, zoo_error *err);
} zoo_reward_functions_v1;

#endif
