/// \file data.h
/// The data service, "zoo.data/1": rows of the recipe's datasets in a seeded order. The position is the host's to checkpoint.
///
/// Data never runs out: once every row was served, the next pass begins, in another seeded order. So a row may recur within one call
/// where `n` exceeds the dataset. Rows of a mixture come in the recipe's weights.
#ifndef ZOO_DATA_H
#define ZOO_DATA_H

#include "zoo/batch.h"

#define ZOO_DATA_ID "zoo.data/1"

typedef struct zoo_rows_args {
    uint32_t size, flags;
    uint64_t n;  ///< from 1 to 2^24
} zoo_rows_args;

/// All three functions: [job-thread], in `step`. `*out` is NULL on an error and is otherwise released by the plugin.
/// ZOO_UNAVAILABLE where the recipe has no rows of that kind, ZOO_INVALID_ARGUMENT where n or the flags are out of range,
/// ZOO_FAILED_PRECONDITION outside `step`, ZOO_DATA_LOSS where a row of the dataset is damaged.
typedef struct zoo_data_v1 {
    uint32_t size, flags;
    void *ctx;

    /// The next `n` prompts: sequences whose mask is all 0. Columns: `row`.
    int32_t (*prompts)(void *ctx, const zoo_rows_args *args, const zoo_batch **out, zoo_error *err);

    /// The next `n` preference pairs: 2n sequences, the mask on the completions. Columns: `row`, `pair`, `chosen`.
    int32_t (*pairs)(void *ctx, const zoo_rows_args *args, const zoo_batch **out, zoo_error *err);

    /// The next `n` supervised examples: the mask on the completion, or on all steps but the first of a plain text.
    /// Columns: `row`, and `rating` and `label` where the dataset has them.
    int32_t (*examples)(void *ctx, const zoo_rows_args *args, const zoo_batch **out, zoo_error *err);
} zoo_data_v1;

#endif
