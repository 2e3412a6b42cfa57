/// \file zoo.h
/// The plugin contract of PolicyZoo, version 1: everything a plugin needs, and nothing else.
///
/// A plugin is a shared library that exports one function, `zoo_plugin_entry_v1` (plugin.h). The host creates one of its
/// algorithms and calls `step` until the budget is spent; the algorithm drives, the host serves data (data.h), samples
/// (rollout.h), rewards (reward.h), networks and their gradients (model.h), metrics (log.h) and random numbers (rng.h).
///
/// Rules that hold for every declaration:
///  - A struct begins with `uint32_t size, flags`. Its maker writes `sizeof` into `size`; its reader uses a field only where
///    `ZOO_HAS` says that the maker knew it. Fields are only ever appended within version 1. `flags` is 0 unless said otherwise.
///  - `zoo_str` and `zoo_array` are frozen: they travel in arrays, so their stride is part of the contract.
///  - Pointers are borrowed for the duration of the call unless the comment says otherwise. What the host hands out through a
///    `const T **out` is the host's; the plugin gives it back with `zoo_host_v1.release`.
///  - Functions return a ZOO_* status; where it is not ZOO_OK they fill the caller's `zoo_error`, which may be NULL.
///  - Floating-point numbers in columns, outputs and gradients are f64: they are a few numbers per step, so their width costs
///    nothing, and an algorithm's arithmetic is then exact to the last digit that anyone compares.
///  - All calls into one algorithm come from one thread and never overlap: the job thread. Functions marked [job-thread] may be
///    called only there, while `create`, `step`, `save`, `load` or `destroy` runs; those marked [any-thread], anywhere.
///  - Nothing unwinds across the boundary: no exception, no trap, no longjmp.
///  - A plugin is never unloaded.
#ifndef ZOO_ZOO_H
#define ZOO_ZOO_H

#include "zoo/base.h"
#include "zoo/batch.h"
#include "zoo/data.h"
#include "zoo/log.h"
#include "zoo/model.h"
#include "zoo/plugin.h"
#include "zoo/reward.h"
#include "zoo/rng.h"
#include "zoo/rollout.h"

#endif
