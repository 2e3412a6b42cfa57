/// \file base.h
/// Strings, arrays, errors and the reading of size-prefixed structs.
#ifndef ZOO_BASE_H
#define ZOO_BASE_H

#include <stddef.h>
#include <stdint.h>

#define ZOO_ABI_MAJOR 1
#define ZOO_ABI_MINOR 1

/// True where the struct at `pointer`, of type `type`, was made by someone who knew `field`.
#define ZOO_HAS(pointer, type, field) \
    ((pointer) != NULL && (pointer)->size >= offsetof(type, field) + sizeof((pointer)->field))

/// Puts the one exported symbol of a plugin into the library's table of symbols.
#if defined(_WIN32)
#define ZOO_EXPORT __declspec(dllexport)
#else
#define ZOO_EXPORT __attribute__((visibility("default")))
#endif

/// Layout that a later header must not move (C11 and C++; C99 compiles without the check).
#if defined(__cplusplus)
#define ZOO_PINNED(type, field, offset) static_assert(offsetof(type, field) == (offset), #type "." #field " moved")
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define ZOO_PINNED(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field " moved")
#else
#define ZOO_PINNED(type, field, offset) struct zoo_pinned_needs_c11
#endif

/// Status of a call: the absl numbering. A code that is not listed reads as ZOO_UNKNOWN.
#define ZOO_OK 0
#define ZOO_CANCELLED 1            ///< the host asked to stop; the plugin returns it from `step` at once
#define ZOO_UNKNOWN 2
#define ZOO_INVALID_ARGUMENT 3     ///< the caller's arguments are wrong: say which, what was expected, what was found
#define ZOO_DEADLINE_EXCEEDED 4
#define ZOO_NOT_FOUND 5            ///< no such role, output, column or algorithm
#define ZOO_ALREADY_EXISTS 6
#define ZOO_PERMISSION_DENIED 7
#define ZOO_RESOURCE_EXHAUSTED 8   ///< memory or disk
#define ZOO_FAILED_PRECONDITION 9  ///< right arguments, wrong moment
#define ZOO_ABORTED 10
#define ZOO_OUT_OF_RANGE 11        ///< the data service has no more rows
#define ZOO_UNIMPLEMENTED 12
#define ZOO_INTERNAL 13
#define ZOO_UNAVAILABLE 14         ///< a service that this host does not offer
#define ZOO_DATA_LOSS 15           ///< saved state that cannot be read, or numbers that are not finite

/// UTF-8 text, not terminated. `ptr` may be NULL where `len` is 0. Frozen.
typedef struct zoo_str {
    const char *ptr;
    uint64_t len;
} zoo_str;

/// What went wrong, in the caller's memory. The caller sets `size`; the callee sets `code`, `len` and `msg`, truncating the
/// text at the size the caller declared. One sentence in UTF-8, not terminated: what, where, expected, found, and the fix.
typedef struct zoo_error {
    uint32_t size, flags;
    int32_t code;
    uint32_t len;
    char msg[496];
} zoo_error;

/// Type of an array's elements. A reader rejects what it does not know.
#define ZOO_F32 1u
#define ZOO_F64 2u
#define ZOO_I32 3u
#define ZOO_I64 4u
#define ZOO_U8 5u

/// `zoo_array.flags`: one row per step; without it, one row per sequence.
#define ZOO_PER_STEP 1u

/// A named, contiguous, native-endian array: a column of a batch, an output, or the gradient of one. Frozen.
typedef struct zoo_array {
    uint32_t size, flags;  ///< flags: ZOO_PER_STEP or 0
    zoo_str name;          ///< "logp", "reward", or the plugin's own
    uint32_t dtype, rank;
    uint64_t shape[4];     ///< [n_steps] or [n_sequences], then further dimensions; 1 beyond `rank`
    void *data;            ///< aligned for its type; read-only unless the comment of the call says otherwise
    uint64_t nbytes;
} zoo_array;

/// Arrays handed out by the host, given back with `zoo_host_v1.release`.
typedef struct zoo_list {
    uint32_t size, flags;
    uint64_t n;
    const zoo_array *arrays;
} zoo_list;

ZOO_PINNED(zoo_error, msg, 16);
ZOO_PINNED(zoo_array, dtype, 24);
ZOO_PINNED(zoo_array, nbytes, 72);
ZOO_PINNED(zoo_list, arrays, 16);

#endif
