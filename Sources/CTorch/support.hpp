// What every file of the shim shares: handles, and the one place where exceptions become messages.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <vector>

#include "ctorch.h"

namespace ct {

inline std::atomic<int64_t> live_handles{0};

inline at::Tensor &ref(ct_tensor a) { return *reinterpret_cast<at::Tensor *>(a); }

inline ct_tensor give(at::Tensor tensor) {
    auto *handle = new at::Tensor(std::move(tensor));
    live_handles.fetch_add(1, std::memory_order_relaxed);
    return reinterpret_cast<ct_tensor>(handle);
}

inline std::vector<at::Tensor> list(const ct_tensor *tensors, int32_t count) {
    std::vector<at::Tensor> result;
    result.reserve(static_cast<size_t>(count));
    for (int32_t i = 0; i < count; ++i) result.push_back(ref(tensors[i]));
    return result;
}

inline std::optional<at::Tensor> maybe(ct_tensor a) {
    return a ? std::optional<at::Tensor>(ref(a)) : std::nullopt;
}

inline at::IntArrayRef ints(const int64_t *values, int32_t count) {
    return at::IntArrayRef(values, static_cast<size_t>(count));
}

/// Memory of the CPU that was asked for in vain.
class NoMemory : public c10::OutOfMemoryError {
public:
    explicit NoMemory(size_t bytes)
        : OutOfMemoryError({__func__, __FILE__, __LINE__}, "no memory of the CPU for " + std::to_string(bytes) + " bytes"),
          bytes(static_cast<int64_t>(bytes)) {}
    int64_t bytes;
};

/// What `ct_memory_asked` gives of this thread.
inline thread_local int64_t memory_asked = -1;

/// libtorch's text without its C++ backtrace; also notes whether memory ran out.
inline ct_status message(const std::exception &error) {
    const auto *own = dynamic_cast<const NoMemory *>(&error);
    const bool ran_out = dynamic_cast<const c10::OutOfMemoryError *>(&error) || dynamic_cast<const std::bad_alloc *>(&error);
    memory_asked = own ? own->bytes : ran_out ? 0 : -1;
    if (auto *torch = dynamic_cast<const c10::Error *>(&error)) return strdup(torch->what_without_backtrace());
    return strdup(error.what());
}

/// Operators that this thread has asked for.
inline thread_local int64_t calls = 0;

/// Runs `body`; an exception becomes the returned message.
template <class Body>
ct_status guard(Body &&body) {
    ++calls;
    try {
        body();
        return nullptr;
    } catch (const std::exception &error) {
        return message(error);
    } catch (...) {
        memory_asked = -1;
        return strdup("an exception of unknown type");
    }
}

/// Runs `body` and hands its tensor over.
template <class Body>
ct_status result(ct_tensor *out, Body &&body) {
    return guard([&] { *out = give(body()); });
}

inline at::Device device(int32_t index) {
    return index < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

inline at::ScalarType dtype(int32_t code) {
    static constexpr at::ScalarType types[] = {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,
                                               at::kLong,  at::kInt,    at::kByte, at::kBool};
    TORCH_CHECK(code >= 0 && code < 8, "unknown element type ", code);
    return types[code];
}

inline at::TensorOptions options(int32_t dtype_code, int32_t device_index) {
    return at::TensorOptions().dtype(dtype(dtype_code)).device(device(device_index));
}

/// Whether the hand-written kernels apply; elsewhere the same maths is composed of libtorch's operators.
inline bool plain(const at::Tensor &a) { return a.is_cpu() && a.scalar_type() == at::kFloat; }

}  // namespace ct
