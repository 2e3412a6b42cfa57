/// \file model.h
/// The model service, "zoo.model/1": networks by role, what they say of a batch, and their gradients.
///
/// Roles: `policy` (trained), `reference` (the policy as it began, frozen), `critic` (trained), `reward` (frozen, or trained by a
/// reward-model algorithm), `teacher` (frozen, where the recipe names one). A role is built when it is first named: an algorithm
/// that never names the critic never pays for it. Names that begin with "zoo." are the host's.
///
/// Outputs, all f64:
///   `logp`    per step  log-probability of the action given what stands before it, at the batch's temperature
///   `entropy` per step  of the distribution that the action was drawn from, in nats
///   `value`   per step  the critic's estimate for the state before the action
///   `score`   per sequence  the log-likelihood of the whole sample (policy, reference), or the scalar of a reward model
///   `kl:reference` per step  of a policy that can: the exact KL of the step's distribution from the reference's, in `logp`'s units
///   `value:final`  per sequence  of a critic that can: its estimate for the state after the last step, which a sequence that was cut
///                  at the length limit goes on from
/// Per-step outputs are 0 where the mask is 0.
///
/// An algorithm sees the global batch. How its passes are cut, and over how many devices or processes they are spread, is the host's
/// business; losses, gradients and outputs come back whole, so there is no service for sums over processes.
#ifndef ZOO_MODEL_H
#define ZOO_MODEL_H

#include "zoo/batch.h"

#define ZOO_MODEL_ID "zoo.model/1"

/// `zoo_accumulate_args.flags`: how the host may cut a batch before it calls the loss. Other bits, and 3, are refused.
#define ZOO_LOSS_SEPARABLE 0u       ///< any subset of whole sequences: the parts' losses and gradients add up
#define ZOO_LOSS_GROUPED 1u         ///< sequences with the same `group` or `pair` stay together
#define ZOO_LOSS_WHOLE 2u           ///< one call on the whole batch; the host back-propagates in parts afterwards
#define ZOO_LOSS_CUT 3u             ///< the bits of the three above
#define ZOO_LOSS_STOP_GRADIENT 256u ///< added to the above: the gradients are not the derivative of the returned loss, by design

/// How a `score` or `logp` sums over the numbers of one sample.
#define ZOO_REDUCTION_SUM 1u
#define ZOO_REDUCTION_MEAN 2u

/// What an output is. The caller sets `size`; the host fills the fields that lie in it.
typedef struct zoo_output_info {
    uint32_t size, flags;
    uint32_t per_step;    ///< 1: one number per step, 0: one per sequence
    uint32_t reduction;   ///< ZOO_REDUCTION_*: over the dimensions of one action
    uint64_t dimensions;  ///< numbers in one action: 1 for a token
} zoo_output_info;

/// What an update did. The caller sets `size`; the host fills the fields that lie in it.
typedef struct zoo_step_info {
    uint32_t size, flags;
    double gradient_norm;     ///< before clipping
    double learning_rate;     ///< of the update just made
    uint64_t policy_version;  ///< updates of this role so far
} zoo_step_info;

/// What an accumulation came to. The caller sets `size`; the host fills the fields that lie in it.
typedef struct zoo_loss_info {
    uint32_t size, flags;
    double loss;  ///< the sum of the slices' losses
} zoo_loss_info;

/// One call of a loss. The host makes it; the plugin reads it, writes into the gradients' `data`, and sets `loss`.
typedef struct zoo_loss_call {
    uint32_t size, flags;
    const zoo_batch *slice;            ///< some of the batch's sequences, with its columns
    const zoo_array *const *outputs;   ///< [n_outputs], the wanted outputs in the order asked
    zoo_array *const *gradients;       ///< [n_outputs], f64, of the outputs' names and shapes, zeroed; their `data` is writable
    uint64_t n_outputs;
    double loss;                       ///< set by the plugin: the slice's part of the loss
} zoo_loss_call;

/// The loss of a slice and its gradient: dLoss/d(output) of the WHOLE optimizer step's loss. Denominators come from the full batch,
/// which the plugin knows before it calls: the host never rescales. Steps with mask 0 get exactly 0.
/// A pure function: the host may call it more than once, in any order, on slices of its own choice within `flags`.
/// [job-thread], inside `accumulate`. It may call functions marked [any-thread] and no others: those answer with
/// ZOO_FAILED_PRECONDITION. Everything in `call` is borrowed for the call. ZOO_DATA_LOSS where a number is not finite.
typedef int32_t (*zoo_loss_fn)(void *loss_ctx, zoo_loss_call *call, zoo_error *err);

typedef struct zoo_forward_args {
    uint32_t size, flags;
    zoo_str role;
    const zoo_batch *batch;  ///< borrowed for the call
    const zoo_str *want;     ///< [n_want] names of outputs, distinct
    uint64_t n_want;         ///< from 1 to 64
} zoo_forward_args;

typedef struct zoo_accumulate_args {
    uint32_t size, flags;    ///< flags: ZOO_LOSS_*
    zoo_str role;
    const zoo_batch *batch;  ///< borrowed for the call
    const zoo_str *want;     ///< [n_want] names of outputs, distinct
    uint64_t n_want;         ///< from 1 to 64
    zoo_loss_fn loss;
    void *loss_ctx;          ///< handed to `loss` as it is
} zoo_accumulate_args;

typedef struct zoo_update_args {
    uint32_t size, flags;
    zoo_str role;
} zoo_update_args;

/// All functions: [job-thread], in `step`, not in a loss: ZOO_FAILED_PRECONDITION elsewhere. ZOO_NOT_FOUND for a role that the recipe
/// does not have or an output that the role does not give, ZOO_INVALID_ARGUMENT for a batch, a count or flags that the host cannot take.
typedef struct zoo_model_v1 {
    uint32_t size, flags;
    void *ctx;

    /// Whether `role` gives `output`, without building the role. `info` may be NULL.
    int32_t (*supports)(void *ctx, zoo_str role, zoo_str output, zoo_output_info *info, zoo_error *err);

    /// The wanted outputs, without gradient, in the order asked. `*out` is NULL on an error and is otherwise released by the plugin.
    /// ZOO_DATA_LOSS where an output is not finite.
    int32_t (*forward)(void *ctx, const zoo_forward_args *args, const zoo_list **out, zoo_error *err);

    /// Forward, `loss`, and back-propagation into the role's gradient, which adds up until `optimizer_step` or `discard`. `info` may be
    /// NULL. An error of `loss` comes back as it was. On any error the role's gradient is empty, as after `discard`.
    /// ZOO_FAILED_PRECONDITION for a frozen role, ZOO_DATA_LOSS where an output, the loss or a gradient is not finite.
    int32_t (*accumulate)(void *ctx, const zoo_accumulate_args *args, zoo_loss_info *info, zoo_error *err);

    /// Clips the role's gradient to the recipe's norm, updates its weights and empties the gradient. `info` may be NULL. The arguments
    /// are checked before anything is changed. ZOO_FAILED_PRECONDITION where nothing was accumulated; ZOO_DATA_LOSS where the gradient
    /// is not finite: nothing is updated, and the gradient is empty.
    int32_t (*optimizer_step)(void *ctx, const zoo_update_args *args, zoo_step_info *info, zoo_error *err);

    /// destination = (1 - weight) * destination + weight * source, weight in [0, 1]. 1 copies. A destination that is not yet
    /// there is made as a frozen copy: so a plugin keeps a rollout policy of its own, or moves the reference.
    /// ZOO_FAILED_PRECONDITION where the destination is trained, ZOO_INVALID_ARGUMENT where the two are different networks.
    int32_t (*blend)(void *ctx, zoo_str destination, zoo_str source, double weight, zoo_error *err);

    /// Empties the role's gradient without an update. OK where there is none.
    int32_t (*discard)(void *ctx, zoo_str role, zoo_error *err);
} zoo_model_v1;

#endif
