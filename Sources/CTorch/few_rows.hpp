// Products of few rows with a weight.
#pragma once

#include "support.hpp"

namespace ct {

/// Whether `few_rows` applies: this thread asks for it, there is no gradient, there are few rows, and the machine has the registers that
/// its tiles are made for.
bool is_few_rows(
    const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
    const std::optional<at::Tensor> &residual);

/// input [n, in] · weightᵀ [out, in] + bias or residual. A row's result has the same bits whatever other rows there are.
at::Tensor few_rows(
    const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
    const std::optional<at::Tensor> &residual);

}  // namespace ct
