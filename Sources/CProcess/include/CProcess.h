/// \file CProcess.h
/// What a process has that only C can read: the modes of its arithmetic, and the address at which it crashed.
#ifndef ZOO_PROCESS_H
#define ZOO_PROCESS_H

#include <stdint.h>

/// The calling thread's modes of arithmetic: rounding, treatment of subnormal numbers, and trapped exceptions.
typedef struct zoo_arithmetic {
    uint64_t rounding, subnormals, traps, x87;
} zoo_arithmetic;

zoo_arithmetic zoo_arithmetic_now(void);

/// The address of a signal's handler in this process: 0 for the default, 1 for ignored.
uint64_t zoo_signal_handler(int number);

/// 1 where the signal is blocked in the calling thread.
int zoo_signal_is_blocked(int number);

/// The soft and hard limits of a resource, RLIMIT_*; 0 where there is no such one.
int zoo_limits(int resource, uint64_t *soft, uint64_t *hard);

/// Bytes that malloc has given out and not got back; 0 where the C library does not tell.
uint64_t zoo_malloc_bytes(void);

/// From now on, what descendants leave behind become children of this process.
void zoo_adopt_descendants(void);

int zoo_niceness(void);

/// 1 where a child process has ended and was waited for.
int zoo_children_have_ended(void);

/// The nanoseconds left of a timer of the process, ITIMER_*.
uint64_t zoo_timer(int which);

/// Memory that a plugin was lent, for the sentence on a crash.
typedef struct zoo_lent {
    uint64_t start, end;   ///< the bytes themselves; the pages around them are not accessible
    const char *name;      ///< "the column 'reward' of the batch from zoo.data/1"
    const char *rule;      ///< why it may not be touched now; NULL: it may be read and written
    struct zoo_lent *next;
} zoo_lent;

/// Adds to the memory that crashes are explained by. Not for two threads at once.
void zoo_lend(zoo_lent *memory);

/// From now on a segmentation fault writes one line to the descriptor, `prefix` and `{"touched": ...}`, and ends the process with
/// `status`. `prefix` lives as long as the process.
void zoo_explain_crashes(int status, int descriptor, const char *prefix);

#endif
