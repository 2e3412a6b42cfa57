/// \file data.h
/// The data service, "zoo.data/1": rows of the recipe's datasets in a seeded order. The position is the host's to checkpoint.
#ifndef ZOO_DATA_H
#define ZOO_DATA_H

#include "zoo/batch.h"

#define ZOO_DATA_ID "zoo.data/1"

typedef struct zoo_data_v1 {
    uint32_t size, flags;
    void *ctx;

    /// The next `n` prompts: sequences whose mask is all 0. Columns: `row`. [job-thread]
    /// `*out` is released by the plugin. ZOO_UNAVAILABLE where the recipe has no prompts, ZOO_INVALID_ARGUMENT where n is 0.
    int32_t (*prompts)(void *ctx, uint64_t n, const zoo_batch **out, zoo_error *err);

    /// The next `n` preference pairs: 2n sequences, the mask on the completions. Columns: `row`, `pair`, `chosen`. [job-thread]
    int32_t (*pairs)(void *ctx, uint64_t n, const zoo_batch **out, zoo_error *err);

    /// The next `n` supervised examples: the mask on the completion, or on all steps but the first of a plain text.
    /// Columns: `row`, and `rating` and `label` where the dataset has them. [job-thread]
    int32_t (*examples)(void *ctx, uint64_t n, const zoo_batch **out, zoo_error *err);
} zoo_data_v1;

ZOO_PINNED(zoo_data_v1, prompts, 16);
ZOO_PINNED(zoo_data_v1, examples, 32);

#endif
