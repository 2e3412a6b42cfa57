/// \file scope.h
/// Texts, errors, and the scope that gives back what a call into the plugin took.
#ifndef ZOO_EASY_SCOPE_H
#define ZOO_EASY_SCOPE_H

#include "zoo/zoo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#define ZOO_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ZOO_PRINTF(text, first)
#endif

/// A `zoo_str` of a literal, for static data.
#define ZOO_TEXT(literal) {literal, sizeof(literal) - 1}

static inline zoo_str zoo_text(const char *text) {
    zoo_str result;
    result.ptr = text;
    result.len = text == NULL ? 0 : strlen(text);
    return result;
}

static inline int zoo_is(zoo_str name, const char *text) {
    return name.len == strlen(text) && memcmp(name.ptr, text, name.len) == 0;
}

static inline int32_t zoo_fail_v(zoo_error *err, int32_t code, const char *format, va_list values) {
    char text[sizeof err->msg + 1];
    size_t length, room;
    int written = vsnprintf(text, sizeof text, format, values);
    if (!ZOO_HAS(err, zoo_error, len) || err->size <= offsetof(zoo_error, msg)) return code;
    room = err->size - offsetof(zoo_error, msg);
    if (room > sizeof err->msg) room = sizeof err->msg;
    length = written < 0 ? 0 : (size_t)written;
    if (length > room) length = room;
    memcpy(err->msg, text, length);
    err->len = (uint32_t)length;
    err->code = code;
    return code;
}

/// Fills `err`, which may be NULL, with a sentence in printf's format, and returns `code`.
ZOO_PRINTF(3, 4)
static inline int32_t zoo_fail(zoo_error *err, int32_t code, const char *format, ...) {
    va_list values;
    va_start(values, format);
    zoo_fail_v(err, code, format, values);
    va_end(values);
    return code;
}

/// Something that the scope gives back at its end: an object of the host, or the memory behind this header (16 bytes of it).
typedef struct zoo_held {
    struct zoo_held *next;
    const void *object;
} zoo_held;

typedef struct zoo_scope {
    const zoo_host_v1 *host;  ///< NULL inside a loss
    zoo_error *err;
    zoo_held *held;
    int32_t status;           ///< ZOO_OK, or the first error
    uint32_t reserved;
} zoo_scope;

/// A scope of one call into the plugin; `host` is NULL inside a loss.
static inline zoo_scope zoo_begin(const zoo_host_v1 *host, zoo_error *err) {
    zoo_scope scope;
    memset(&scope, 0, sizeof scope);
    scope.host = host;
    scope.err = err;
    return scope;
}

/// Gives everything back, and returns the status.
static inline int32_t zoo_end(zoo_scope *scope) {
    while (scope->held != NULL) {
        zoo_held *held = scope->held;
        scope->held = held->next;
        if (held->object != NULL) scope->host->release(scope->host->ctx, held->object);
        free(held);
    }
    return scope->status;
}

/// Makes this the scope's error, if it has none.
ZOO_PRINTF(3, 4)
static inline void zoo_stop(zoo_scope *scope, int32_t code, const char *format, ...) {
    va_list values;
    if (scope->status != ZOO_OK) return;
    va_start(values, format);
    scope->status = zoo_fail_v(scope->err, code, format, values);
    va_end(values);
}

/// Zeroed memory for `count` elements of `bytes` bytes, until `zoo_end`.
static inline void *zoo_scratch(zoo_scope *scope, uint64_t count, size_t bytes) {
    zoo_held *held;
    if (scope->status != ZOO_OK) return NULL;
    held = count > (SIZE_MAX / 2 - sizeof *held) / bytes ? NULL : (zoo_held *)calloc(1, sizeof *held + (size_t)count * bytes);
    if (held == NULL) {
        zoo_stop(scope, ZOO_RESOURCE_EXHAUSTED, "no memory for %llu elements of %zu bytes", (unsigned long long)count, bytes);
        return NULL;
    }
    held->next = scope->held;
    scope->held = held;
    return held + 1;
}

/// Memory for `count` numbers, 0 at first, until `zoo_end`.
static inline double *zoo_doubles(zoo_scope *scope, uint64_t count) {
    return (double *)zoo_scratch(scope, count, sizeof(double));
}

/// Takes what a call of the host handed out, to be released at the end.
static inline const void *zoo_keep(zoo_scope *scope, int32_t status, const void *object) {
    zoo_held *held;
    if (status != ZOO_OK) {
        scope->status = status;
        return NULL;
    }
    held = (zoo_held *)zoo_scratch(scope, 0, 1);
    if (held == NULL) {
        scope->host->release(scope->host->ctx, object);
        return NULL;
    }
    scope->held->object = object;
    return object;
}

/// The service `id` if its table holds a function at `offset`.
static inline const void *zoo_service_at(zoo_scope *scope, const char *id, size_t offset) {
    const char *table;
    uint32_t size;
    uint64_t function = 0;
    if (scope->status != ZOO_OK) return NULL;
    if (scope->host == NULL) {
        zoo_stop(scope, ZOO_FAILED_PRECONDITION, "a loss called %s, which is not for losses", id);
        return NULL;
    }
    table = (const char *)scope->host->get_extension(scope->host->ctx, id);
    if (table != NULL) memcpy(&size, table, sizeof size);
    if (table != NULL && size >= offset + sizeof function) memcpy(&function, table + offset, sizeof function);
    if (function == 0) zoo_stop(scope, ZOO_UNAVAILABLE, "this host lacks %s, or a function of it", id);
    return function == 0 ? NULL : table;
}

/// The service `id`, of type `type`, which has `function`: `ZOO_SERVICE(&z, zoo_rng_v1, ZOO_RNG_ID, fill)`.
#define ZOO_SERVICE(scope, type, id, function) ((const type *)zoo_service_at(scope, id, offsetof(type, function)))

/// ZOO_CANCELLED once the host asks to stop; for loops that do not call the host.
static inline void zoo_check_cancelled(zoo_scope *scope) {
    if (scope->status == ZOO_OK && ZOO_HAS(scope->host, zoo_host_v1, cancelled) && scope->host->cancelled != NULL
        && scope->host->cancelled(scope->host->ctx))
        zoo_stop(scope, ZOO_CANCELLED, "the run was asked to stop");
}

#endif
