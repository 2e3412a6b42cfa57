/// \file rollout.h
/// The rollout service, "zoo.rollout/1": samples of a policy. The sampler (temperature, length limit, and whatever else decides
/// what is drawn) is the recipe's, frozen into the batch, so every algorithm samples alike.
#ifndef ZOO_ROLLOUT_H
#define ZOO_ROLLOUT_H

#include "zoo/batch.h"

#define ZOO_ROLLOUT_ID "zoo.rollout/1"

typedef struct zoo_rollout_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Draws `samples` sequences for each of the prompts, from the network in `role` ("policy", or a role that `blend` made).
    /// Sequence p * samples + j is sample j of prompt p: the prompt with mask 0, then the actions with mask 1.
    /// Columns: `behaviour_logp`, `group`, `finished`, `policy_version`, `temperature`, and the prompts' own. [job-thread]
    /// `*out` is released by the plugin. ZOO_CANCELLED where the host was asked to stop.
    int32_t (*generate)(void *ctx, zoo_str role, const zoo_batch *prompts, uint64_t samples, const zoo_batch **out,
                        zoo_error *err);
} zoo_rollout_v1;

ZOO_PINNED(zoo_rollout_v1, generate, 16);

#endif
