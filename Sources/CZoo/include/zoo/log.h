/// \file log.h
/// The log service, "zoo.log/1": metrics of the current iteration.
#ifndef ZOO_LOG_H
#define ZOO_LOG_H

#include "zoo/base.h"

#define ZOO_LOG_ID "zoo.log/1"

/// How several values of one metric within one `step` become one.
#define ZOO_METRIC_MEAN 1  ///< sum(value * weight) / sum(weight); left out where the weights sum to 0
#define ZOO_METRIC_SUM 2
#define ZOO_METRIC_MIN 3
#define ZOO_METRIC_MAX 4
#define ZOO_METRIC_LAST 5

typedef struct zoo_log_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Adds a value to the metric `name` of the current iteration. `weight` is the number of things that `value` is a mean over
    /// (steps, sequences, pairs): finite, from 0, and it counts for ZOO_METRIC_MEAN alone. A value that is not finite is recorded as
    /// it is: NaN is a number that an algorithm may well have to show.
    /// A name is UTF-8 without control characters. `step` and names that begin with `budget/`, `common/`, `eval/`, `evaluation/`,
    /// `grad_norm/`, `lr/`, `source/` or `zoo.` are the host's own.
    /// [job-thread], in `step`, not in a loss. ZOO_INVALID_ARGUMENT for such a name, an unknown normaliser, two normalisers of one
    /// metric in one iteration, or a weight out of range; ZOO_FAILED_PRECONDITION outside `step`.
    int32_t (*metric)(void *ctx, zoo_str name, double value, double weight, int32_t normaliser, zoo_error *err);
} zoo_log_v1;

#endif
