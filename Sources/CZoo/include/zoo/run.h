/// \file run.h
/// The run service, "zoo.run/1": how far the run has come, so that an algorithm can anneal what it likes.
#ifndef ZOO_RUN_H
#define ZOO_RUN_H

#include "zoo/base.h"

#define ZOO_RUN_ID "zoo.run/1"

typedef struct zoo_run_info {
    uint32_t size, flags;
    double progress;     ///< share of the stage's budget that is spent, in [0, 1]: what learning-rate schedules go by
    uint64_t iteration;  ///< calls of `step` that are done, those before a resumption among them
    uint64_t seed;       ///< the run's, from the recipe; random numbers come from zoo.rng/1
} zoo_run_info;

typedef struct zoo_run_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Fills the fields of `out` that lie in its `size`. The caller sets `size`.
    /// [job-thread], in `step`, not in a loss. ZOO_INVALID_ARGUMENT where `out` is NULL, ZOO_FAILED_PRECONDITION outside `step`.
    int32_t (*info)(void *ctx, zoo_run_info *out, zoo_error *err);
} zoo_run_v1;

#endif
