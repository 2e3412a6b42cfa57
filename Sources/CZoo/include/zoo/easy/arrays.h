/// \file arrays.h
/// Arrays by name, columns added to a batch, and the two of a pair.
#ifndef ZOO_EASY_ARRAYS_H
#define ZOO_EASY_ARRAYS_H

#include "zoo/easy/scope.h"

#include <math.h>

/// The array `name` among `n`, of this dtype (of 1, 4 or 8 bytes) and `rows` numbers; an error names what was found.
static inline const void *zoo_find(zoo_scope *scope, const zoo_array *const *arrays, uint64_t n, const char *name, uint32_t dtype,
                                   uint64_t rows) {
    const int is_byte = dtype == ZOO_U8 || dtype == ZOO_BOOL || dtype == ZOO_I8;
    const uint64_t bytes = is_byte ? 1 : dtype == ZOO_F32 || dtype == ZOO_I32 ? 4 : 8;
    uint64_t i;
    if (scope->status != ZOO_OK) return NULL;
    for (i = 0; i < n; i++) {
        const zoo_array *array = arrays[i];
        if (!zoo_is(array->name, name)) continue;
        if (array->dtype == dtype && array->nbytes == rows * bytes) return array->data;
        zoo_stop(scope, ZOO_INVALID_ARGUMENT, "'%s' has dtype %u and %llu bytes; expected dtype %u and %llu", name, array->dtype,
                 (unsigned long long)array->nbytes, dtype, (unsigned long long)(rows * bytes));
        return NULL;
    }
    zoo_stop(scope, ZOO_NOT_FOUND, "there is no array '%s'", name);
    return NULL;
}

/// A column of numbers, one per step. NULL after an error, as all of these.
static inline const double *zoo_steps(zoo_scope *scope, const zoo_batch *batch, const char *name) {
    if (scope->status != ZOO_OK) return NULL;
    return (const double *)zoo_find(scope, batch->columns, batch->n_columns, name, ZOO_F64, batch->n_steps);
}

/// A column of numbers, one per sequence.
static inline const double *zoo_sequences(zoo_scope *scope, const zoo_batch *batch, const char *name) {
    if (scope->status != ZOO_OK) return NULL;
    return (const double *)zoo_find(scope, batch->columns, batch->n_columns, name, ZOO_F64, batch->n_sequences);
}

/// A column of integers, one per sequence: `group`, `pair`, `row`.
static inline const int64_t *zoo_integers(zoo_scope *scope, const zoo_batch *batch, const char *name) {
    if (scope->status != ZOO_OK) return NULL;
    return (const int64_t *)zoo_find(scope, batch->columns, batch->n_columns, name, ZOO_I64, batch->n_sequences);
}

/// A column of flags, one per sequence: `chosen`, `finished`, `label`.
static inline const uint8_t *zoo_flags(zoo_scope *scope, const zoo_batch *batch, const char *name) {
    if (scope->status != ZOO_OK) return NULL;
    return (const uint8_t *)zoo_find(scope, batch->columns, batch->n_columns, name, ZOO_U8, batch->n_sequences);
}

/// An output in a loss, of `rows` numbers: `slice->n_steps` or `slice->n_sequences`.
static inline const double *zoo_output(zoo_scope *scope, const zoo_loss_call *call, const char *name, uint64_t rows) {
    return (const double *)zoo_find(scope, call->outputs, call->n_outputs, name, ZOO_F64, rows);
}

/// Where a loss writes the gradient of an output.
static inline double *zoo_gradient(zoo_scope *scope, const zoo_loss_call *call, const char *name, uint64_t rows) {
    return (double *)zoo_find(scope, (const zoo_array *const *)call->gradients, call->n_outputs, name, ZOO_F64, rows);
}

/// ZOO_DATA_LOSS unless all are finite; `what` begins the sentence: "a reward".
static inline void zoo_check_finite(zoo_scope *scope, const double *values, uint64_t n, const char *what) {
    uint64_t i;
    if (scope->status != ZOO_OK) return;
    for (i = 0; i < n; i++)
        if (!isfinite(values[i])) {
            zoo_stop(scope, ZOO_DATA_LOSS, "%s is not finite", what);
            return;
        }
}

/// The batch with a column of numbers set, per step or per sequence. Shares the other columns and `values`; lives until `zoo_end`.
static inline const zoo_batch *zoo_with(zoo_scope *scope, const zoo_batch *batch, const char *name, uint32_t per_step,
                                        const double *values) {
    zoo_batch *copy;
    zoo_array *array;
    const zoo_array **columns;
    uint64_t i, rows, n = 0;
    size_t known;
    if (scope->status != ZOO_OK) return NULL;
    rows = per_step ? batch->n_steps : batch->n_sequences;
    copy = (zoo_batch *)zoo_scratch(scope, 1, sizeof *copy);
    array = (zoo_array *)zoo_scratch(scope, 1, sizeof *array);
    columns = (const zoo_array **)zoo_scratch(scope, batch->n_columns + 1, sizeof *columns);
    if (scope->status != ZOO_OK) return NULL;
    known = batch->size < sizeof *copy ? batch->size : sizeof *copy;
    memcpy(copy, batch, known);
    copy->size = (uint32_t)known;
    for (i = 0; i < batch->n_columns; i++)
        if (!zoo_is(batch->columns[i]->name, name)) columns[n++] = batch->columns[i];
    array->size = sizeof *array;
    array->flags = per_step ? ZOO_PER_STEP : 0;
    array->name = zoo_text(name);
    array->dtype = ZOO_F64;
    array->rank = 1;
    array->shape[0] = rows;
    array->shape[1] = array->shape[2] = array->shape[3] = 1;
    array->data = (void *)(uintptr_t)values;
    array->nbytes = rows * sizeof(double);
    columns[n++] = array;
    copy->columns = columns;
    copy->n_columns = n;
    return copy;
}

static inline const zoo_batch *zoo_with_steps(zoo_scope *scope, const zoo_batch *batch, const char *name, const double *values) {
    return zoo_with(scope, batch, name, 1, values);
}

static inline const zoo_batch *zoo_with_sequences(zoo_scope *scope, const zoo_batch *batch, const char *name,
                                                  const double *values) {
    return zoo_with(scope, batch, name, 0, values);
}

/// The actions of a sequence, or of the whole batch.
static inline uint64_t zoo_actions(const zoo_batch *batch, uint64_t sequence) {
    uint64_t t, n = 0;
    for (t = batch->offsets[sequence]; t < batch->offsets[sequence + 1]; t++) n += batch->mask[t] & ZOO_ACTION;
    return n;
}

static inline uint64_t zoo_all_actions(const zoo_batch *batch) {
    uint64_t t, n = 0;
    for (t = 0; t < batch->n_steps; t++) n += batch->mask[t] & ZOO_ACTION;
    return n;
}

static inline int zoo_is_pair(const int64_t *pair, const uint8_t *chosen, uint64_t one, uint64_t other) {
    return pair[one] == pair[other] && (chosen[one] != 0) != (chosen[other] != 0);
}

/// The sequences of each pair, [n_sequences / 2][2]: the chosen one, the rejected one. An error where one lacks its other half.
static inline const uint64_t *zoo_match(zoo_scope *scope, const zoo_batch *batch) {
    const int64_t *pair = zoo_integers(scope, batch, "pair");
    const uint8_t *chosen = zoo_flags(scope, batch, "chosen");
    uint64_t *matched, i, n = 0;
    if (scope->status != ZOO_OK) return NULL;
    matched = (uint64_t *)zoo_scratch(scope, batch->n_sequences * 2 + 2, sizeof *matched);
    if (matched == NULL) return NULL;
    for (i = 0; i < batch->n_sequences; i++) {
        uint64_t other = i + 1;  // where it mostly stands
        if (other >= batch->n_sequences || !zoo_is_pair(pair, chosen, i, other)) {
            other = 0;
            while (other < batch->n_sequences && !zoo_is_pair(pair, chosen, i, other)) other++;
        }
        if (other == batch->n_sequences) {
            zoo_stop(scope, ZOO_INVALID_ARGUMENT, "pair %lld has a sequence without its other half", (long long)pair[i]);
            return NULL;
        }
        if (chosen[i] == 0) continue;
        matched[n++] = i;
        matched[n++] = other;
    }
    return matched;
}

#endif
