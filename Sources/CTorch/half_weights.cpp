// Products with frozen weights that are held in 16 bits. All arithmetic is in float32: some rows of a weight at a time are widened, few
// enough to stay in the cache between that and their product, so that memory is read in 16 bits and never holds the weight in 32.
#include "half_weights.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "few_rows.hpp"

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// `body` for blocks of rows of `weight` [out, in], about a megabyte each in float32: the first row, and the block.
template <class Body>
void for_blocks(const at::Tensor &weight, Body &&body) {
    const int64_t count = weight.size(0), rows = std::max<int64_t>(16, (int64_t(1) << 18) / std::max<int64_t>(1, weight.size(1)));
    for (int64_t begin = 0; begin < count; begin += rows)
        body(begin, weight.narrow(0, begin, std::min(rows, count - begin)).to(at::kFloat));
}

class HalfLinear : public torch::autograd::Function<HalfLinear> {
public:
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
        const std::optional<at::Tensor> &residual) {
        context->save_for_backward({weight});
        context->saved_data["place"] = bias ? 2 : residual ? 3 : 0;
        const int64_t rows = input.size(0);
        auto out = residual ? residual->clone() : at::empty({rows, weight.size(0)}, input.options());
        if (bias) out.copy_(*bias);
        const int beta = bias || residual ? 1 : 0;
        for_blocks(weight, [&](int64_t begin, const at::Tensor &block) {
            out.narrow(1, begin, block.size(0)).addmm_(input, block.t(), beta);
        });
        return out;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto weight = context->get_saved_variables()[0];
        const auto &g = gradients[0];
        variable_list result(4);
        if (context->needs_input_grad(0)) {
            auto sum = at::zeros({g.size(0), weight.size(1)}, g.options());
            for_blocks(weight, [&](int64_t begin, const at::Tensor &block) {
                sum.addmm_(g.narrow(1, begin, block.size(0)), block);
            });
            result[0] = sum;
        }
        // Edges are counted over the tensors that are there: whichever of the two is, it is the third.
        const auto place = static_cast<size_t>(context->saved_data["place"].toInt());
        if (place > 0 && context->needs_input_grad(2)) result[place] = place == 2 ? g.sum(0) : g;
        return result;
    }
};

}  // namespace

namespace ct {

at::Tensor linear(
    const at::Tensor &input, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
    const std::optional<at::Tensor> &residual) {
    if (is_few_rows(input, weight, bias, residual)) return few_rows(input, weight, bias, residual);
    if (!is_half(weight)) {
        if (residual) return at::addmm(*residual, input, weight.t());
        return at::linear(input, weight, bias);
    }
    TORCH_CHECK(!weight.requires_grad(), "weights in 16 bits are frozen");
    TORCH_CHECK(!bias || !residual, "a bias and a residual at once");
    TORCH_CHECK(
        input.dim() == 2 && weight.dim() == 2 && input.size(1) == weight.size(1), "expected input [n, in] and weight [out, in]");
    return HalfLinear::apply(input, weight, bias, residual);
}

}  // namespace ct
