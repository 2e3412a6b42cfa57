/// \file rollout.h
/// The rollout service, "zoo.rollout/1": samples of a policy. The sampler (temperature, length limit, and whatever else decides
/// what is drawn) is the recipe's, frozen into the batch, so every algorithm samples alike.
#ifndef ZOO_ROLLOUT_H
#define ZOO_ROLLOUT_H

#include "zoo/batch.h"

#define ZOO_ROLLOUT_ID "zoo.rollout/1"

typedef struct zoo_generate_args {
    uint32_t size, flags;
    zoo_str role;              ///< whose network samples: "policy", or a role that `blend` made
    const zoo_batch *prompts;  ///< borrowed for the call
    uint64_t samples;          ///< sequences asked for each prompt, from 1 to 2^24
} zoo_generate_args;

typedef struct zoo_rollout_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Draws sequences for each of the prompts. Those of one prompt have the same `group` and stand together, in the prompts' order.
    /// `samples` is what is asked: a host may return fewer or more for a prompt, as where an environment ends early or a sampler
    /// drops what it cannot use, so a plugin goes by `group` and by the numbers in the batch, never by p * samples + j.
    /// A sequence begins with its prompt, mask 0; then actions, mask 1, and context, mask 0, may alternate.
    /// Columns: `behaviour_logp`, `group`, `finished`, `policy_version` (per sequence, or per step where the weights changed within
    /// one), `temperature`, and the prompts' own.
    /// [job-thread], in `step`, not in a loss. `*out` is NULL on an error and is otherwise released by the plugin. ZOO_CANCELLED where
    /// the host was asked to stop; ZOO_NOT_FOUND for an unknown role; ZOO_INVALID_ARGUMENT for a role that cannot sample, and counts or
    /// flags out of range; ZOO_FAILED_PRECONDITION outside `step`.
    int32_t (*generate)(void *ctx, const zoo_generate_args *args, const zoo_batch **out, zoo_error *err);
} zoo_rollout_v1;

#endif
