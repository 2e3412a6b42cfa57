// Sixteen floats at a time, in the compiler's own vector type: one source for AVX-512, AVX2, SSE and NEON.
#pragma once

#include <cstdint>
#include <cstring>

// Compiled once per instruction set and picked at load time, since the package itself is built for the oldest machine. By its feature
// and not as x86-64-v4, with which clang prefers two registers of half the width.
#if defined(__x86_64__) && defined(__linux__)
#define CT_KERNEL __attribute__((target_clones("avx512vl", "arch=x86-64-v3", "default")))
#else
#define CT_KERNEL
#endif
#define CT_INLINE static inline __attribute__((always_inline))

namespace ct {

constexpr int64_t lanes = 16;
typedef float floats __attribute__((ext_vector_type(16)));
typedef int32_t integers __attribute__((ext_vector_type(16)));

CT_INLINE void load(floats &v, const float *p) { std::memcpy(&v, p, sizeof v); }
CT_INLINE void store(float *p, const floats &v) { std::memcpy(p, &v, sizeof v); }

/// The last `count` < 16 elements of a row, padded with `fill`.
CT_INLINE void load_tail(floats &v, const float *p, int64_t count, float fill) {
    float buffer[lanes];
    for (int64_t i = 0; i < lanes; ++i) buffer[i] = i < count ? p[i] : fill;
    load(v, buffer);
}

CT_INLINE void store_tail(float *p, const floats &v, int64_t count) {
    float buffer[lanes];
    store(buffer, v);
    for (int64_t i = 0; i < count; ++i) p[i] = buffer[i];
}

CT_INLINE float sum(const floats &v) {
    const auto eight = v.lo + v.hi;
    const auto four = eight.lo + eight.hi;
    return (four.x + four.z) + (four.y + four.w);
}

CT_INLINE float largest(const floats &v) {
    const auto eight = __builtin_elementwise_max(v.lo, v.hi);
    const auto four = __builtin_elementwise_max(eight.lo, eight.hi);
    const auto two = __builtin_elementwise_max(four.lo, four.hi);
    return two.x > two.y ? two.x : two.y;
}

/// eˣ within 2 units in the last place for x in [-87, 88]; smaller x give e⁻⁸⁷ (about 1e-38), larger ones e⁸⁸.
/// x = n ln 2 + r with |r| <= ln 2 / 2, then Taylor's polynomial of eʳ of degree 7 scaled by 2ⁿ.
CT_INLINE void exponential(floats &x) {
    x = __builtin_elementwise_min(__builtin_elementwise_max(x, floats(-87.0f)), floats(88.0f));
    const floats magic = 12582912.0f;  // 1.5 · 2²³: adding it rounds to the nearest integer
    const floats shifted = x * 1.44269504f + magic;
    const floats n = shifted - magic;
    const floats r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    floats p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const integers exponent = (__builtin_convertvector(n, integers) + 127) << 23;
    floats scale;
    std::memcpy(&scale, &exponent, sizeof scale);
    x = p * scale;
}

}  // namespace ct
