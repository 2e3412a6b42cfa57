// Low-rank adapters of a product: one thin product for all of them in, one for each of them out.
#include <torch/csrc/autograd/custom_function.h>

#include "support.hpp"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// output[:, c_i ..] += scale_i (input A_iᵀ) B_iᵀ in place. The A_i lie one after the other in `down`; gradients go to `factors`, the A_i
/// and then the B_i.
class AddLowRank : public torch::autograd::Function<AddLowRank> {
public:
    static at::Tensor forward(
        AutogradContext *context, at::Tensor output, const at::Tensor &input, const at::Tensor &down, at::TensorList factors,
        const std::vector<int64_t> &columns, const std::vector<double> &scales) {
        const auto hidden = input.mm(down.t());
        const size_t count = columns.size();
        int64_t rank = 0;
        for (size_t i = 0; i < count; ++i) {
            const auto &up = factors[count + i];
            output.narrow(1, columns[i], up.size(0)).addmm_(hidden.narrow(1, rank, up.size(1)), up.t(), 1, scales[i]);
            rank += up.size(1);
        }
        variable_list saved{input, down, hidden};
        saved.insert(saved.end(), factors.begin() + static_cast<std::ptrdiff_t>(count), factors.end());
        context->save_for_backward(saved);
        context->saved_data["columns"] = columns;
        context->saved_data["scales"] = scales;
        context->saved_data["trained"] = factors[0].requires_grad();
        context->mark_dirty({output});
        return output;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &input = saved[0], &down = saved[1], &hidden = saved[2];
        const auto columns = context->saved_data["columns"].toIntVector();
        const auto scales = context->saved_data["scales"].toDoubleVector();
        const bool trained = context->saved_data["trained"].toBool();
        const size_t count = columns.size();
        const auto &g = gradients[0];
        variable_list result(3 + 2 * count + 2);
        auto inner = at::empty_like(hidden);
        int64_t rank = 0;
        for (size_t i = 0; i < count; ++i) {
            const auto &up = saved[3 + i];
            const auto part = g.narrow(1, columns[i], up.size(0));
            auto into = inner.narrow(1, rank, up.size(1));
            at::mm_out(into, part, up);
            if (trained) result[3 + count + i] = part.t().mm(hidden.narrow(1, rank, up.size(1))).mul_(scales[i]);
            into.mul_(scales[i]);
            rank += up.size(1);
        }
        if (context->needs_input_grad(0)) result[0] = g;
        if (context->needs_input_grad(1)) result[1] = inner.mm(down);
        if (!trained) return result;
        const auto whole = inner.t().mm(input);
        rank = 0;
        for (size_t i = 0; i < count; ++i) {
            result[3 + i] = whole.narrow(0, rank, saved[3 + i].size(1));
            rank += saved[3 + i].size(1);
        }
        return result;
    }
};

}  // namespace

ct_status ct_add_low_rank(
    ct_tensor *out, ct_tensor output, ct_tensor input, ct_tensor down, const ct_tensor *factors, const int64_t *columns,
    const double *scales, int32_t count) {
    return result(out, [&] {
        TORCH_CHECK(count > 0, "no adapters");
        return AddLowRank::apply(
            ref(output), ref(input), ref(down), at::TensorList(list(factors, 2 * count)),
            std::vector<int64_t>(columns, columns + count), std::vector<double>(scales, scales + count));
    });
}
