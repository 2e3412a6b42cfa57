/// \file zoo.h
/// The plugin contract of PolicyZoo, version 1: everything a plugin needs, and nothing else.
///
/// A plugin is a shared library that exports one function, `zoo_plugin_entry_v1` (plugin.h). The host creates one of its
/// algorithms and calls `step` until the budget is spent; the algorithm drives, the host serves data (data.h), samples
/// (rollout.h), rewards (reward.h), networks and their gradients (model.h), metrics (log.h), random numbers (rng.h), the parameters
/// that the recipe sets (parameters.h) and how far the run has come (run.h). A library may offer rewards, too (reward_function.h).
/// What may change within version 1, and how, is said in ABI.md.
///
/// Rules that hold for every declaration:
///  - A struct begins with `uint32_t size, flags`. Its maker writes `sizeof` into `size`; its reader uses a field only where
///    `ZOO_HAS` says that the maker knew it, and takes any size that holds what it needs. Fields are only ever appended within
///    version 1. Only `zoo_str` is frozen; arrays of structs are arrays of pointers.
///  - `flags` is 0 unless said otherwise. In arguments (`zoo_*_args`) an unknown flag is refused with ZOO_INVALID_ARGUMENT, for it asks
///    for something; in data (`zoo_batch`, `zoo_array`) it is carried.
///  - `reserved` is 0, and is not read.
///  - Pointers are borrowed for the duration of the call unless the comment says otherwise. What the host hands out through a
///    `const T **out` is the host's; the plugin gives it back with `zoo_host_v1.release`.
///  - Functions return a ZOO_* status; where it is not ZOO_OK they fill the caller's `zoo_error`, which may be NULL, and what they
///    would have handed out is NULL. Arguments are checked before anything is done.
///  - Counts are u64. One that exceeds what the function says is refused with ZOO_INVALID_ARGUMENT.
///  - Floating-point numbers in columns, outputs and gradients are f64: they are a few numbers per step, so their width costs
///    nothing, and an algorithm's arithmetic is then exact to the last digit that anyone compares.
///  - All calls into one algorithm come from one thread and never overlap: the job thread. Functions of the host that are marked
///    [job-thread] may be called only there, and only while the calls that their comments name run; those marked [any-thread],
///    anywhere, from `create` until `destroy` returns. Elsewhere they answer with ZOO_FAILED_PRECONDITION.
///  - A loss is called back inside `accumulate`. It may call what is marked [any-thread] and nothing else.
///  - Nothing unwinds across the boundary: no exception, no trap, no longjmp.
///  - A plugin leaves the process as it found it after each call, its static constructors included: modes of arithmetic, locale,
///    signals, limits, working directory, environment, descriptors, child processes and files. Its threads end with `destroy`.
///  - An algorithm takes all its randomness from the host: equal parameters, data and seed give the same bits in any process.
///  - A plugin is never unloaded.
#ifndef ZOO_ZOO_H
#define ZOO_ZOO_H

#include "zoo/base.h"
#include "zoo/batch.h"
#include "zoo/data.h"
#include "zoo/log.h"
#include "zoo/model.h"
#include "zoo/parameters.h"
#include "zoo/plugin.h"
#include "zoo/reward.h"
#include "zoo/reward_function.h"
#include "zoo/rng.h"
#include "zoo/rollout.h"
#include "zoo/run.h"

#endif
