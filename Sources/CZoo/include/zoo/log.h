/// \file log.h
/// The log service, "zoo.log/1": metrics of the current step.
#ifndef ZOO_LOG_H
#define ZOO_LOG_H

#include "zoo/base.h"

#define ZOO_LOG_ID "zoo.log/1"

/// How several values of one metric within one `step` become one.
#define ZOO_METRIC_MEAN 1  ///< sum(value * weight) / sum(weight)
#define ZOO_METRIC_SUM 2
#define ZOO_METRIC_MIN 3
#define ZOO_METRIC_MAX 4
#define ZOO_METRIC_LAST 5

typedef struct zoo_log_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Adds a value to the metric `name` of the current step. `weight` is the number of things that `value` is a mean over (steps,
    /// sequences, pairs) and counts for ZOO_METRIC_MEAN alone. `step` and names that begin with `budget/`, `common/`, `eval/`, `evaluation/`,
    /// `grad_norm/` or `lr/` are the host's own: ZOO_INVALID_ARGUMENT. [job-thread]
    int32_t (*metric)(void *ctx, zoo_str name, double value, double weight, int32_t normaliser, zoo_error *err);
} zoo_log_v1;

ZOO_PINNED(zoo_log_v1, metric, 16);

#endif
