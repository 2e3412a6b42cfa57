#include <torch/csrc/autograd/autograd.h>

#include "support.hpp"

using namespace ct;

ct_status ct_empty(ct_tensor *out, const int64_t *shape, int32_t rank, int32_t dtype, int32_t device) {
    return result(out, [&] { return at::empty(ints(shape, rank), options(dtype, device)); });
}

ct_status ct_full(ct_tensor *out, const int64_t *shape, int32_t rank, int32_t dtype, int32_t device, double value) {
    return result(out, [&] { return at::full(ints(shape, rank), value, options(dtype, device)); });
}

ct_status ct_from_bytes(
    ct_tensor *out, const void *data, size_t bytes, const int64_t *shape, int32_t rank, int32_t dtype, int32_t device) {
    return result(out, [&] {
        auto host = at::empty(ints(shape, rank), options(dtype, -1));
        TORCH_CHECK(host.nbytes() == bytes, "the shape needs ", host.nbytes(), " bytes, ", bytes, " were given");
        if (bytes > 0) std::memcpy(host.mutable_data_ptr(), data, bytes);
        return device < 0 ? host : host.to(ct::device(device));
    });
}

void ct_free(ct_tensor a) {
    if (!a) return;
    delete &ref(a);
    live_handles.fetch_sub(1, std::memory_order_relaxed);
}

ct_status ct_alias(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a); });
}

int32_t ct_rank(ct_tensor a) { return static_cast<int32_t>(ref(a).dim()); }

int64_t ct_size(ct_tensor a, int32_t dim) { return ref(a).sizes()[static_cast<size_t>(dim)]; }

int64_t ct_count(ct_tensor a) { return ref(a).numel(); }

int32_t ct_dtype(ct_tensor a) {
    switch (ref(a).scalar_type()) {
        case at::kFloat: return CT_F32;
        case at::kDouble: return CT_F64;
        case at::kHalf: return CT_F16;
        case at::kBFloat16: return CT_BF16;
        case at::kLong: return CT_I64;
        case at::kInt: return CT_I32;
        case at::kByte: return CT_U8;
        case at::kBool: return CT_BOOL;
        default: return -1;
    }
}

int32_t ct_device(ct_tensor a) { return ref(a).is_cpu() ? -1 : static_cast<int32_t>(ref(a).device().index()); }

ct_status ct_read(ct_tensor a, void *data, size_t bytes) {
    return guard([&] {
        const auto host = ref(a).detach().to(at::kCPU).contiguous();
        TORCH_CHECK(host.nbytes() == bytes, "the tensor holds ", host.nbytes(), " bytes, ", bytes, " were asked for");
        if (bytes > 0) std::memcpy(data, host.const_data_ptr(), bytes);
    });
}

ct_status ct_to(ct_tensor *out, ct_tensor a, int32_t dtype, int32_t device) {
    return result(out, [&] { return ref(a).to(options(dtype, device)); });
}

ct_status ct_clone(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).clone(); });
}

ct_status ct_detach(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).detach(); });
}

ct_status ct_contiguous(ct_tensor *out, ct_tensor a) {
    return result(out, [&] { return ref(a).contiguous(); });
}

ct_status ct_copy_into(ct_tensor a, ct_tensor source) {
    return guard([&] {
        const at::NoGradGuard none;
        ref(a).copy_(ref(source));
    });
}

int64_t ct_changes(ct_tensor a) { return ref(a)._version(); }

ct_status ct_fill(ct_tensor a, double value) {
    return guard([&] {
        const at::NoGradGuard none;
        ref(a).fill_(value);
    });
}

bool ct_grad_enabled(void) { return at::GradMode::is_enabled(); }

void ct_set_grad_enabled(bool enabled) { at::GradMode::set_enabled(enabled); }

ct_status ct_set_requires_grad(ct_tensor a, bool requires_grad) {
    return guard([&] { ref(a).set_requires_grad(requires_grad); });
}

bool ct_requires_grad(ct_tensor a) { return ref(a).requires_grad(); }

ct_status ct_grad(ct_tensor *out, ct_tensor a) {
    return guard([&] {
        const auto &grad = ref(a).grad();
        *out = grad.defined() ? give(grad) : nullptr;
    });
}

ct_status ct_clear_grad(ct_tensor a) {
    return guard([&] { ref(a).mutable_grad().reset(); });
}

ct_status ct_backward(const ct_tensor *tensors, const ct_tensor *gradients, int32_t count) {
    return guard([&] { torch::autograd::backward(list(tensors, count), list(gradients, count)); });
}
