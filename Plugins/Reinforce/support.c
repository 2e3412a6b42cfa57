#include "support.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t reinforce_fail(zoo_error *err, int32_t code, const char *format, ...) {
    if (!ZOO_HAS(err, zoo_error, len) || err->size <= offsetof(zoo_error, msg)) return code;
    size_t room = err->size - offsetof(zoo_error, msg);
    char text[sizeof err->msg + 1];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t length = written < 0 ? 0 : (size_t)written;
    if (length > sizeof err->msg) length = sizeof err->msg;
    if (length > room) length = room;
    memcpy(err->msg, text, length);
    err->len = (uint32_t)length;
    err->code = code;
    return code;
}

typedef struct field {
    const char *name;
    double low, high;
    int is_integer;
} field;

static const field fields[] = {
    {"prompts", 1, 1000000, 1},
    {"samples", 1, 1000000, 1},
    {"baseline_decay", 0, 1, 0},
    {"beta", 0, 1000, 0},
};
enum { n_fields = sizeof fields / sizeof *fields };

static void store(parameters *out, size_t index, double value) {
    switch (index) {
    case 0: out->prompts = (uint64_t)value; break;
    case 1: out->samples = (uint64_t)value; break;
    case 2: out->baseline_decay = value; break;
    default: out->beta = value; break;
    }
}

typedef struct reader {
    const char *at, *end;
} reader;

static void skip_space(reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static int take(reader *r, char wanted) {
    skip_space(r);
    if (r->at == r->end || *r->at != wanted) return 0;
    r->at++;
    return 1;
}

/// A string without its quotes; escapes stay as they are, for no known name has one.
static int take_string(reader *r, const char **text, int *length) {
    if (!take(r, '"')) return 0;
    const char *start = r->at;
    while (r->at < r->end && *r->at != '"') r->at += *r->at == '\\' && r->at + 1 < r->end ? 2 : 1;
    if (r->at >= r->end) return 0;
    *text = start;
    *length = r->at - start > 100 ? 100 : (int)(r->at - start);
    r->at++;
    return 1;
}

static size_t take_digits(reader *r) {
    const char *start = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') r->at++;
    return (size_t)(r->at - start);
}

/// A number in JSON's grammar, which is narrower than strtod's.
static int take_number(reader *r, double *value) {
    skip_space(r);
    const char *start = r->at;
    if (r->at < r->end && *r->at == '-') r->at++;
    if (take_digits(r) == 0) return 0;
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (take_digits(r) == 0) return 0;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-')) r->at++;
        if (take_digits(r) == 0) return 0;
    }
    char text[64];
    size_t length = (size_t)(r->at - start);
    if (length >= sizeof text) return 0;
    memcpy(text, start, length);
    text[length] = '\0';
    *value = strtod(text, NULL);
    return isfinite(*value);
}

static int is_whole(double value) {
    return value > -1e15 && value < 1e15 && value == (double)(int64_t)value;
}

static int32_t take_member(reader *r, parameters *out, zoo_error *err) {
    const char *name;
    int length;
    if (!take_string(r, &name, &length) || !take(r, ':'))
        return reinforce_fail(err, ZOO_INVALID_ARGUMENT, "the parameters are not a JSON object; expected {\"name\": value, ...}");
    for (size_t i = 0; i < n_fields; i++) {
        if (strlen(fields[i].name) != (size_t)length || memcmp(fields[i].name, name, (size_t)length) != 0) continue;
        double value;
        if (!take_number(r, &value) || (fields[i].is_integer && !is_whole(value)))
            return reinforce_fail(err, ZOO_INVALID_ARGUMENT, "parameter '%s' is not %s", fields[i].name,
                                  fields[i].is_integer ? "an integer" : "a number");
        if (value < fields[i].low || value > fields[i].high)
            return reinforce_fail(err, ZOO_INVALID_ARGUMENT, "parameter '%s' is %g; expected a value from %g to %g",
                                  fields[i].name, value, fields[i].low, fields[i].high);
        store(out, i, value);
        return ZOO_OK;
    }
    return reinforce_fail(err, ZOO_INVALID_ARGUMENT,
                          "unknown parameter '%.*s'; known: prompts, samples, baseline_decay, beta", length, name);
}

int32_t reinforce_parse(zoo_str json, parameters *out, zoo_error *err) {
    *out = (parameters){.prompts = 32, .samples = 1, .baseline_decay = 0.9, .beta = 0.05};
    if (json.len == 0) return ZOO_OK;
    reader r = {json.ptr, json.ptr + json.len};
    int well_formed = take(&r, '{');
    if (well_formed && !take(&r, '}')) {
        do {
            int32_t status = take_member(&r, out, err);
            if (status != ZOO_OK) return status;
        } while (take(&r, ','));
        well_formed = take(&r, '}');
    }
    skip_space(&r);
    if (!well_formed || r.at != r.end)
        return reinforce_fail(err, ZOO_INVALID_ARGUMENT, "the parameters are not a JSON object; expected {\"name\": value, ...}");
    return ZOO_OK;
}
