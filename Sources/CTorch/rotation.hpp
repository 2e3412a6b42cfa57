// The rotation of rotary embeddings, for whole sequences and for single steps.
#pragma once

#include "simd.hpp"
#include "support.hpp"

namespace ct {

/// Hugging Face's rotation of several heads at one position: halves (a, b) become (a c - b s, b c + a s). `sign` -1
/// rotates back. `to` may be `from`.
CT_INLINE void rotate_heads(
    float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t heads, const float *c, const float *s,
    int64_t half, float sign) {
    for (int64_t h = 0; h < heads; ++h) {
        const float *source = from + h * from_stride;
        float *target = to + h * to_stride;
        for (int64_t i = 0; i < half; ++i) {
            const float a = source[i], b = source[half + i], sine = sign * s[i];
            target[i] = a * c[i] - b * sine;
            target[half + i] = b * c[i] + a * sine;
        }
    }
}

/// The same with libtorch's operators, over the last dimension.
inline at::Tensor rotated(const at::Tensor &x, const at::Tensor &c, const at::Tensor &s) {
    const auto halves = x.chunk(2, -1);
    return at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
}

}  // namespace ct
