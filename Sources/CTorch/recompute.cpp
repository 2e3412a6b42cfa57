// Activation recomputation: a part of a network runs without a graph, and again, with one, when its gradient is due.
// Chen et al. 2016, https://arxiv.org/abs/1604.06174, section 3.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "support.hpp"

using namespace ct;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// The part, released with the last node of the graph that needs it.
struct Part : torch::CustomClassHolder {
    ct_part run;
    void *context;
    void (*release)(void *);

    Part(ct_part run, void *context, void (*release)(void *)) : run(run), context(context), release(release) {}
    Part(const Part &) = delete;
    ~Part() override { release(context); }

    variable_list operator()(const variable_list &inputs, size_t count) const {
        std::vector<ct_tensor> handles, outputs(count);
        for (const auto &input : inputs) handles.push_back(give(input));
        run(context, handles.data(), static_cast<int32_t>(handles.size()), outputs.data());
        variable_list result;
        for (auto *output : outputs) {
            result.push_back(ref(output));
            ct_free(output);
        }
        return result;
    }
};

class Recompute : public torch::autograd::Function<Recompute> {
public:
    /// - anchor: needs a gradient, so that the part has one where only its weights do.
    static variable_list forward(
        AutogradContext *context, at::TensorList inputs, const at::Tensor &, const c10::intrusive_ptr<Part> &part, int64_t count) {
        variable_list saved;
        for (const auto &input : inputs) saved.push_back(input.detach());
        const auto outputs = (*part)(saved, static_cast<size_t>(count));
        context->save_for_backward(inputs.vec());
        context->saved_data["part"] = c10::IValue::make_capsule(part);
        return outputs;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto part = c10::static_intrusive_pointer_cast<Part>(context->saved_data["part"].toCapsule());
        variable_list inputs;
        for (const auto &saved : context->get_saved_variables())
            inputs.push_back(saved.detach().requires_grad_(saved.requires_grad()));
        {
            const at::AutoGradMode recording(true);
            const auto outputs = (*part)(inputs, gradients.size());
            variable_list roots, seeds;
            for (size_t i = 0; i < outputs.size(); ++i) {
                if (!outputs[i].requires_grad() || !gradients[i].defined()) continue;
                roots.push_back(outputs[i]);
                seeds.push_back(gradients[i]);
            }
            if (!roots.empty()) torch::autograd::backward(roots, seeds);
        }
        variable_list result;
        for (const auto &input : inputs) result.push_back(input.grad());
        result.resize(inputs.size() + 3);
        return result;
    }
};

}  // namespace

ct_status ct_recompute(
    ct_tensor *out, int32_t out_count, const ct_tensor *inputs, int32_t count, ct_part part, void *context,
    void (*release)(void *)) {
    return guard([&] {
        const auto held = c10::make_intrusive<Part>(part, context, release);
        const auto given = list(inputs, count);
        const auto anchor = at::zeros({0}).requires_grad_(true);
        const auto outputs = Recompute::apply(at::TensorList(given), anchor, held, static_cast<int64_t>(out_count));
        for (int32_t i = 0; i < out_count; ++i) out[i] = give(outputs[static_cast<size_t>(i)]);
    });
}
