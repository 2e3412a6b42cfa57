/// \file batch.h
/// Ragged sequences of steps with named columns: the one shape in which data, samples and gradients travel.
#ifndef ZOO_BATCH_H
#define ZOO_BATCH_H

#include "zoo/base.h"

/// Sequence s owns the steps `offsets[s] ..< offsets[s + 1]`; a step is one token, or one denoising step of an image.
///
/// Columns that the host sets (per sequence unless marked), present where they mean something:
///   `behaviour_logp` f64 per step  log-probability of each action as it was sampled (0 where the mask is 0)
///   `group`          i64           sequences with the same number answer the same prompt
///   `pair`           i64           the two sequences of a preference have the same number
///   `chosen`         u8            1: the preferred one of its pair, 0: the rejected one
///   `row`            i64           the dataset's row; rewards find the row's other fields by it
///   `finished`       u8            1: ended by itself (end token), 0: cut at the length limit
///   `policy_version` i64           updates of the policy before this sequence was sampled
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
/// An algorithm passes them on and need not read them. A plugin may add any column of its own; the host carries it through slices unchanged.
typedef struct zoo_batch {
    uint32_t size, flags;
    uint64_t n_sequences, n_steps;
    const uint64_t *offsets;     ///< [n_sequences + 1], from 0 to n_steps, not decreasing
    const int32_t *tokens;       ///< [n_steps]; NULL where steps are not tokens
    const uint8_t *mask;         ///< [n_steps]; 1: an action of the policy, may receive gradient; 0: context
    const zoo_array *columns;    ///< [n_columns], distinct names
    uint64_t n_columns;
} zoo_batch;

ZOO_PINNED(zoo_batch, offsets, 24);
ZOO_PINNED(zoo_batch, n_columns, 56);

#endif
