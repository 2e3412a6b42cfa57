/// \file easy.h
/// What a plugin in C or C++ would otherwise write for itself: errors, arrays by name, calls of the host, memory, the entry.
///
/// Optional, compiled into the plugin, and no part of the contract: nothing in these files crosses the boundary, zoo.h does not
/// include them, and they may change with any version. C99 and C++; one translation unit of the plugin includes this file.
///
/// Everything goes through a scope, which remembers the first error: after it every call does nothing and returns NULL or 0, so it
/// is enough to ask `scope.status` before a pointer is followed. `zoo_end` releases what the host handed out and frees scratch
/// memory.
///
///     static int32_t step(void *context, zoo_error *err) {
///         mine *self = (mine *)context;
///         zoo_scope z = zoo_begin(self->base.host, err);
///         const zoo_batch *prompts = zoo_prompts(&z, self->prompts);
///         const zoo_batch *rollout = zoo_generate(&z, "policy", prompts, self->samples);
///         ...
///         return zoo_end(&z);
///     }
#ifndef ZOO_EASY_H
#define ZOO_EASY_H

#include "zoo/easy/algorithm.h"
#include "zoo/easy/arrays.h"
#include "zoo/easy/calls.h"
#include "zoo/easy/scope.h"

#endif
