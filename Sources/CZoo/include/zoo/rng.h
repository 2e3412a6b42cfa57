/// \file rng.h
/// The random service, "zoo.rng/1": the run's own generator, seeded by the recipe and checkpointed by the host.
#ifndef ZOO_RNG_H
#define ZOO_RNG_H

#include "zoo/base.h"

#define ZOO_RNG_ID "zoo.rng/1"

typedef struct zoo_rng_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Fills `out`, the plugin's memory, with `n` independent, uniformly distributed 64-bit numbers; n from 0 to 2^32.
    /// [job-thread], in `step`, not in a loss. ZOO_INVALID_ARGUMENT where n is larger or `out` is NULL and n is not 0,
    /// ZOO_FAILED_PRECONDITION outside `step`; nothing is written on an error.
    int32_t (*fill)(void *ctx, uint64_t *out, uint64_t n, zoo_error *err);
} zoo_rng_v1;

#endif
