/// \file reward.h
/// The reward service, "zoo.reward/1": the recipe's reward for whole sequences.
#ifndef ZOO_REWARD_H
#define ZOO_REWARD_H

#include "zoo/batch.h"

#define ZOO_REWARD_ID "zoo.reward/1"

typedef struct zoo_score_args {
    uint32_t size, flags;
    const zoo_batch *rollout;  ///< borrowed for the call; its column `row` finds what rewards read of a row
} zoo_score_args;

typedef struct zoo_reward_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Scores every sequence of a rollout. `*out` holds, all f64:
    ///   `reward`        [n_sequences]  the weighted sum of the components
    ///   `reward/NAME`   [n_sequences]  each component
    ///   `weight/NAME`   [n_sequences]  what it counts for in the sum, the same for every sequence; 1 where it is absent
    ///   `step_reward`   [n_steps]      only where rewards or an environment say so: the part of `reward` that came at each step. The
    ///                                  rest of `reward` came at the end. An algorithm that gives no credit to steps reads `reward`.
    /// A sequence that a component cannot score is NaN there and adds nothing to the sum; one that no component can score is NaN in
    /// `reward`, too. A plugin that cannot leave such a sequence out answers with ZOO_DATA_LOSS.
    /// Each sequence counts as one reward query.
    /// [job-thread], in `step`, not in a loss. `*out` is NULL on an error and is otherwise released by the plugin. ZOO_UNAVAILABLE where
    /// the recipe has no reward, ZOO_INVALID_ARGUMENT for a batch or flags that it cannot take, ZOO_DATA_LOSS where a reward is
    /// infinite, ZOO_FAILED_PRECONDITION outside `step`.
    int32_t (*score)(void *ctx, const zoo_score_args *args, const zoo_list **out, zoo_error *err);
} zoo_reward_v1;

#endif
