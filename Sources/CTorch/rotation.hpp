// The rotation of rotary embeddings, for whole sequences and for single steps.
#pragma once

#include "simd.hpp"
#include "support.hpp"

namespace ct {

/// Hugging Face's rotation: halves (a, b) become (a c - b s, b c + a s). `sign` -1 rotates back.
CT_INLINE void rotate(float *to, const float *from, const float *c, const float *s, int64_t half, float sign) {
    for (int64_t i = 0; i < half; ++i) {
        const float a = from[i], b = from[half + i], sine = sign * s[i];
        to[i] = a * c[i] - b * sine;
        to[half + i] = b * c[i] + a * sine;
    }
}

/// The same with libtorch's operators, over the last dimension.
inline at::Tensor rotated(const at::Tensor &x, const at::Tensor &c, const at::Tensor &s) {
    const auto halves = x.chunk(2, -1);
    return at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
}

}  // namespace ct
