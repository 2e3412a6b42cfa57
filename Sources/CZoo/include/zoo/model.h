/// \file model.h
/// The model service, "zoo.model/1": networks by role, what they say of a batch, and their gradients.
///
/// Roles: `policy` (trained), `reference` (the policy as it began, frozen), `critic` (trained), `reward` (frozen, or trained by a
/// reward-model algorithm), `teacher` (frozen, where the recipe names one). A role is built when it is first named: an algorithm
/// that never names the critic never pays for it.
///
/// Outputs, all f64:
///   `logp`    per step  log-probability of the action given what stands before it, at the batch's temperature
///   `entropy` per step  of the distribution that the action was drawn from, in nats
///   `value`   per step  the critic's estimate for the state before the action
///   `score`   per sequence  the log-likelihood of the whole sample (policy, reference), or the scalar of a reward model
///   `kl:reference` per step  of a policy that can: the exact KL of the step's distribution from the reference's, in `logp`'s units
/// Per-step outputs are 0 where the mask is 0.
#ifndef ZOO_MODEL_H
#define ZOO_MODEL_H

#include "zoo/batch.h"

#define ZOO_MODEL_ID "zoo.model/1"

/// How the host may cut a batch before it calls the loss (`accumulate`'s flags).
#define ZOO_LOSS_SEPARABLE 0u       ///< any subset of whole sequences: the parts' losses and gradients add up
#define ZOO_LOSS_GROUPED 1u         ///< sequences with the same `group` or `pair` stay together
#define ZOO_LOSS_WHOLE 2u           ///< one call on the whole batch; the host back-propagates in parts afterwards
#define ZOO_LOSS_STOP_GRADIENT 256u ///< added to the above: the gradients are not the derivative of the returned loss, by design

/// How a `score` or `logp` sums over the numbers of one sample.
#define ZOO_REDUCTION_SUM 1u
#define ZOO_REDUCTION_MEAN 2u

typedef struct zoo_output_info {
    uint32_t size, flags;
    uint32_t per_step;    ///< 1: one number per step, 0: one per sequence
    uint32_t reduction;   ///< ZOO_REDUCTION_*: over the dimensions of one action
    uint64_t dimensions;  ///< numbers in one action: 1 for a token
} zoo_output_info;

typedef struct zoo_step_info {
    uint32_t size, flags;
    double gradient_norm;     ///< before clipping
    double learning_rate;     ///< of the update just made
    uint64_t policy_version;  ///< updates of this role so far
} zoo_step_info;

/// The loss of a slice and its gradient. A pure function: the host may call it more than once, on slices of its own choice
/// within `flags`. [job-thread, inside `accumulate`]
/// `slice` carries the batch's columns; `outputs` are the wanted outputs in the order asked; `gradients` has the same names and
/// shapes, zeroed, writable: the plugin writes dLoss/d(output) of the WHOLE optimizer step's loss. Denominators come from the
/// full batch, which the plugin knows before it calls: the host never rescales. Steps with mask 0 get exactly 0.
/// `*loss` is the slice's part of the loss. ZOO_DATA_LOSS where a number is not finite.
typedef int32_t (*zoo_loss_fn)(void *loss_ctx, const zoo_batch *slice, const zoo_array *outputs, uint64_t n_outputs,
                               zoo_array *gradients, double *loss, zoo_error *err);

typedef struct zoo_model_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Whether `role` gives `output`, without building the role. `info` may be NULL. ZOO_NOT_FOUND where it does not. [job-thread]
    int32_t (*supports)(void *ctx, zoo_str role, zoo_str output, zoo_output_info *info, zoo_error *err);

    /// The wanted outputs, without gradient, in the order asked. The plugin releases `*out`. [job-thread]
    int32_t (*forward)(void *ctx, zoo_str role, const zoo_batch *batch, const zoo_str *want, uint64_t n_want,
                       const zoo_list **out, zoo_error *err);

    /// Forward, `loss`, and back-propagation into the role's gradient, which adds up until `optimizer_step`.
    /// `*total` is the sum of the slices' losses; it may be NULL. An error of `loss` comes back as it was. [job-thread]
    int32_t (*accumulate)(void *ctx, zoo_str role, const zoo_batch *batch, const zoo_str *want, uint64_t n_want,
                          zoo_loss_fn loss, void *loss_ctx, uint32_t flags, double *total, zoo_error *err);

    /// Clips the role's gradient to the recipe's norm, updates its weights and zeroes the gradient. [job-thread]
    /// ZOO_FAILED_PRECONDITION where nothing was accumulated, ZOO_DATA_LOSS where the gradient is not finite (nothing is updated).
    int32_t (*optimizer_step)(void *ctx, zoo_str role, zoo_step_info *info, zoo_error *err);

    /// destination = (1 - weight) * destination + weight * source, weight in [0, 1]. 1 copies. A destination that is not yet
    /// there is made as a frozen copy: so a plugin keeps a rollout policy of its own, or moves the reference. [job-thread]
    int32_t (*blend)(void *ctx, zoo_str destination, zoo_str source, double weight, zoo_error *err);
} zoo_model_v1;

ZOO_PINNED(zoo_output_info, dimensions, 16);
ZOO_PINNED(zoo_step_info, policy_version, 24);
ZOO_PINNED(zoo_model_v1, supports, 16);
ZOO_PINNED(zoo_model_v1, blend, 48);

#endif
