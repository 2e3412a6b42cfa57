/// \file support.h
/// Errors and parameters of the plugin.
#ifndef REINFORCE_SUPPORT_H
#define REINFORCE_SUPPORT_H

#include "zoo/zoo.h"

/// The parameters, in the order of the schema in reinforce.c.
typedef struct parameters {
    uint64_t prompts, samples;
    double baseline_decay, beta;
} parameters;

/// Fills `err`, which may be NULL, with a sentence in printf's format, and returns `code`.
int32_t reinforce_fail(zoo_error *err, int32_t code, const char *format, ...);

/// Reads a flat JSON object of numbers over the defaults; refuses by name what it does not know, or what does not fit.
int32_t reinforce_parse(zoo_str json, parameters *out, zoo_error *err);

#endif
