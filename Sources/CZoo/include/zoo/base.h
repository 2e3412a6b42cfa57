/// \file base.h
/// Strings, arrays, errors and the reading of size-prefixed structs.
#ifndef ZOO_BASE_H
#define ZOO_BASE_H

#include <stddef.h>
#include <stdint.h>

#if UINTPTR_MAX != 0xFFFFFFFFFFFFFFFF
#error "PolicyZoo's plugin contract is for 64-bit targets: its structs hold pointers of 8 bytes; build for x86_64 or aarch64"
#endif

#define ZOO_ABI_MAJOR 1
#define ZOO_ABI_MINOR 0

/// Of these headers, as `zoo_plugin_v1` and `zoo_host_v1` carry it: the major version in the upper 16 bits, the minor in the lower.
/// What was built with a draft of version 1 has 0 in the upper bits and is refused.
#define ZOO_ABI_VERSION ((uint32_t)((ZOO_ABI_MAJOR << 16) | ZOO_ABI_MINOR))

/// True where the struct at `pointer`, of type `type`, was made by someone who knew `field`.
#define ZOO_HAS(pointer, type, field) \
    ((pointer) != NULL && (pointer)->size >= offsetof(type, field) + sizeof((pointer)->field))

/// Puts the one exported symbol of a plugin into the library's table of symbols.
#if defined(_WIN32)
#define ZOO_EXPORT __declspec(dllexport)
#else
#define ZOO_EXPORT __attribute__((visibility("default")))
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
#define ZOO_FAILED_PRECONDITION 9  ///< right arguments, wrong moment or wrong thread
#define ZOO_ABORTED 10
#define ZOO_OUT_OF_RANGE 11
#define ZOO_UNIMPLEMENTED 12
#define ZOO_INTERNAL 13
#define ZOO_UNAVAILABLE 14         ///< a service, or a part of one, that this host or this recipe does not offer
#define ZOO_DATA_LOSS 15           ///< saved state that cannot be read, or numbers that are not finite

/// UTF-8 text, not terminated. `ptr` may be NULL where `len` is 0. Frozen: it is the one struct that travels by value.
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

/// Type of an array's elements. Numbers above those listed are a later minor version's.
#define ZOO_F32 1u
#define ZOO_F64 2u
#define ZOO_I32 3u
#define ZOO_I64 4u
#define ZOO_U8 5u
#define ZOO_F16 6u
#define ZOO_BF16 7u
#define ZOO_I8 8u
#define ZOO_BOOL 9u    ///< one byte, 0 or 1
#define ZOO_STRING 10u ///< a `zoo_str` for each element; its bytes live as long as the array

/// `zoo_array.flags`
#define ZOO_PER_STEP 1u ///< one row per step; without it, one row per sequence
#define ZOO_RAGGED 2u   ///< reserved: rows of different lengths, whose offsets a later field gives
#define ZOO_DEVICE 4u   ///< reserved: `data` is not memory to read but a tensor on a device, which a later field describes

/// A named, contiguous, native-endian array: a column of a batch, an output, or the gradient of one.
///
/// A reader looks at the arrays that it uses and refuses those of them that it does not understand; the others it ignores. Whoever
/// copies a batch carries arrays of unknown dtype, rank or flags by their bytes, row by row (`nbytes / shape[0]`); an array that
/// is ZOO_RAGGED or on a device, or whose bytes are not a whole number for each row, it leaves out.
typedef struct zoo_array {
    uint32_t size, flags;
    zoo_str name;          ///< "logp", "reward", or the plugin's own; names that begin with "zoo." are the host's
    uint32_t dtype, rank;
    uint64_t shape[4];     ///< [n_steps] or [n_sequences], then further dimensions; 1 beyond `rank`
    void *data;            ///< aligned for its type; read-only unless the comment of the call says otherwise
    uint64_t nbytes;
} zoo_array;

/// Arrays handed out by the host, given back with `zoo_host_v1.release`.
typedef struct zoo_list {
    uint32_t size, flags;
    uint64_t n;
    const zoo_array *const *arrays;
} zoo_list;

#endif
