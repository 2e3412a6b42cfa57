#include "support.hpp"

using namespace ct;

ct_status ct_adamw(
    const ct_tensor *parameters, const ct_tensor *gradients, const ct_tensor *first_moments,
    const ct_tensor *second_moments, const ct_tensor *steps, int32_t count, double learning_rate, double beta1,
    double beta2, double eps, double weight_decay) {
    return guard([&] {
        const at::NoGradGuard none;
        auto step = list(steps, count);
        at::_foreach_add_(step, 1);
        const auto moved = list(parameters, count);
        at::_fused_adamw_(
            moved, list(gradients, count), list(first_moments, count), list(second_moments, count),
            /*max_exp_avg_sqs=*/{}, step, learning_rate, beta1, beta2, weight_decay, eps, /*amsgrad=*/false,
            /*maximize=*/false);
        // Unlike other operators in place, this one does not count as a change.
        for (const auto &tensor : moved) tensor.unsafeGetTensorImpl()->bump_version();
    });
}

ct_status ct_global_norm(double *out, const ct_tensor *tensors, int32_t count) {
    return guard([&] {
        const at::NoGradGuard none;
        const auto gradients = list(tensors, count);
        *out = gradients.empty() ? 0.0 : at::stack(at::_foreach_norm(gradients)).norm().item<double>();
    });
}

ct_status ct_scale(const ct_tensor *tensors, int32_t count, double factor) {
    return guard([&] {
        const at::NoGradGuard none;
        at::_foreach_mul_(list(tensors, count), factor);
    });
}
