/// \file parameters.h
/// The parameters service, "zoo.parameters/1": the algorithm's parameters by name, read, checked and completed by the host.
///
/// The host holds what a recipe gives against the plugin's schema before it calls `create`, and puts the schema's defaults where it gives
/// nothing. So every parameter of the schema has a value here, of its type and in its range, and a plugin that reads its
/// parameters here needs no JSON reader.
#ifndef ZOO_PARAMETERS_H
#define ZOO_PARAMETERS_H

#include "zoo/base.h"

#define ZOO_PARAMETERS_ID "zoo.parameters/1"

/// All functions: [job-thread], from `create` until `destroy` returns, not in a loss. ZOO_INVALID_ARGUMENT for a name that the schema
/// does not have or a parameter of another type, ZOO_NOT_FOUND where the value is null; `*out` is unchanged on an error.
typedef struct zoo_parameters_v1 {
    uint32_t size, flags;
    void *ctx;

    /// A parameter of type number or integer.
    int32_t (*number)(void *ctx, zoo_str name, double *out, zoo_error *err);

    /// A parameter of type integer, within ±2^53.
    int32_t (*integer)(void *ctx, zoo_str name, int64_t *out, zoo_error *err);

    /// 1 or 0.
    int32_t (*boolean)(void *ctx, zoo_str name, int32_t *out, zoo_error *err);

    /// The text lives as long as the host.
    int32_t (*string)(void *ctx, zoo_str name, zoo_str *out, zoo_error *err);

    /// A list of numbers (ZOO_F64), of booleans (ZOO_BOOL) or of texts (ZOO_STRING), of rank 1. It lives as long as the host and is not
    /// released.
    int32_t (*list)(void *ctx, zoo_str name, const zoo_array **out, zoo_error *err);
} zoo_parameters_v1;

#endif
