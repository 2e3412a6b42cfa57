/// \file reward.h
/// The reward service, "zoo.reward/1": the recipe's reward for whole sequences.
#ifndef ZOO_REWARD_H
#define ZOO_REWARD_H

#include "zoo/batch.h"

#define ZOO_REWARD_ID "zoo.reward/1"

typedef struct zoo_reward_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Scores every sequence of a rollout. `*out` holds "reward", f64 [n_sequences], the weighted sum, and then one array
    /// "reward/NAME" for each component. The plugin releases it. Each sequence counts as one reward query. [job-thread]
    int32_t (*score)(void *ctx, const zoo_batch *rollout, const zoo_list **out, zoo_error *err);
} zoo_reward_v1;

ZOO_PINNED(zoo_reward_v1, score, 16);

#endif
