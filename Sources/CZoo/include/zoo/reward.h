/// \file reward.h
/// The reward service, "zoo.reward/1": the recipe's reward for whole sequences.
#ifndef ZOO_REWARD_H
#define ZOO_REWARD_H

#include "zoo/batch.h"

#define ZOO_REWARD_ID "zoo.reward/1"

typedef struct zoo_reward_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Scores every sequence of a rollout. `*out` holds "reward", f64 [n_sequences], the weighted sum, then one array "reward/NAME"
    /// for each component, and "weight/NAME", what it counts for in the sum, the same for every sequence (1 where it is absent).
    /// A sequence that a component cannot score is NaN there and adds nothing to the sum; one that no component can score is NaN in
    /// "reward", too. A plugin that cannot leave such a sequence out answers with ZOO_DATA_LOSS.
    /// The plugin releases the list. Each sequence counts as one reward query. [job-thread]
    int32_t (*score)(void *ctx, const zoo_batch *rollout, const zoo_list **out, zoo_error *err);
} zoo_reward_v1;

ZOO_PINNED(zoo_reward_v1, score, 16);

#endif
