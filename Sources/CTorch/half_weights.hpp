// Frozen weights in 16 bits beside activations in float32.
#pragma once

#include "support.hpp"

namespace ct {

inline bool is_half(const at::Tensor &a) { return a.scalar_type() == at::kBFloat16 || a.scalar_type() == at::kHalf; }

/// input · weightᵀ + bias, or residual + input · weightᵀ; the weight may be in 16 bits.
at::Tensor linear(
    const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
    const std::optional<at::Tensor> &residual);

}  // namespace ct
