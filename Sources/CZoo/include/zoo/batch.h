/// \file batch.h
/// Ragged sequences of steps with named columns: the one shape in which data, samples and gradients travel.
#ifndef ZOO_BATCH_H
#define ZOO_BATCH_H

#include "zoo/base.h"

/// Sequence s owns the steps `offsets[s] ..< offsets[s + 1]`; a step is one token, or one denoising step of an image.
///
/// Columns that the host sets (per sequence unless marked), present where they mean something:
///   `behaviour_logp` f64 per step  log-probability of each action as it was sampled (0 where the mask is 0)
///   `trainer_logp`   f64 per step  where a server sampled: the host's own log-probability of each action, at the sampler's weights
///   `group`          i64           sequences with the same number answer the same prompt
///   `pair`           i64           the two sequences of a preference have the same number
///   `chosen`         u8            1: the preferred one of its pair, 0: the rejected one
///   `row`            i64           the dataset's row; rewards find the row's other fields by it
///   `finished`       u8            1: ended by itself (end token), 0: cut at the length limit
///   `policy_version` i64           updates of the policy before this sequence was sampled; per step where they differ within one
///   `temperature`    f64           of the sampler; log-probabilities are taken at it (absent: 1)
///   `rating`         f64           a person's rating of the sequence
///   `label`          u8            1: the completion is one that is wanted; 0: one that is not
/// Where the policy makes images, also (f32 arrays of rank 2: [steps, D] or [n, D], with D elements of an image):
///   `state`          f32 per step  x before the step, elements by channel, row, column
///   `sigma`, `sigma_next`, `noise_level`   f64 per step: the noise level before and after, and that of the step's own noise
///   `sample`         f32           the image itself; all that one without a trajectory has, whose sequence has no steps
///   `condition`      i64 [n, kinds] what it is to show; -1: left open
///   `reference`      f32           the reference image; zeros: left out
///   `guidance`       f64           of the sampler
///   `score_seed`     i64           fixes the times and the noise of `score`; the two of a pair share it
/// An algorithm passes them on and need not read them. A plugin may add any column of its own, of any dtype of rank 1 to 4, under a
/// name that does not begin with "zoo."; the host carries it through slices unchanged: dtype, shape, flags and every bit.
/// Context and actions may alternate within a sequence, as where a tool or an environment answers in the middle of it.
typedef struct zoo_batch {
    uint32_t size, flags;
    uint64_t n_sequences, n_steps;
    const uint64_t *offsets;     ///< [n_sequences + 1], from 0 to n_steps, not decreasing
    const int32_t *tokens;       ///< [n_steps]; NULL where steps are not tokens
    const uint8_t *mask;         ///< [n_steps]; see ZOO_ACTION
    const zoo_array *const *columns;  ///< [n_columns], distinct names
    uint64_t n_columns;
} zoo_batch;

/// Bit 0 of a mask: the step is an action of the policy and may receive gradient; without it, the step is context. The other bits are
/// reserved: they are carried unchanged, and a reader looks at bit 0 alone.
#define ZOO_ACTION 1u

/// The most sequences, steps or columns of a batch, and elements of a row. A larger number is refused with ZOO_INVALID_ARGUMENT.
#define ZOO_MAX_SEQUENCES (UINT64_C(1) << 24)
#define ZOO_MAX_STEPS (UINT64_C(1) << 32)
#define ZOO_MAX_COLUMNS 4096u
#define ZOO_MAX_ROW (UINT64_C(1) << 24)

#endif
