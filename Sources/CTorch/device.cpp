// What the host asks of a CUDA device. No CUDA header is needed: libtorch's interfaces serve every device, and its CUDA library is loaded
// at run time.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>

#include <cstdlib>
#include <mutex>
#include <string>

#include "support.hpp"

using namespace ct;

ct_status ct_load_cuda(int32_t *device_count) {
    return guard([&] {
        static std::mutex lock;
        static bool loaded = false;
        const std::lock_guard<std::mutex> hold(lock);
        // Not at::hasCUDA(): the first call of that fixes its answer, and it would be no forever.
        if (!loaded && !c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) {
            // cuBLAS reads it as it starts; without a workspace of a fixed size its products are not the same from call to call.
            setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
            Dl_info info;
            // Any symbol of libtorch_cpu tells the folder where libtorch_cuda has to lie.
            TORCH_CHECK(
                dladdr(reinterpret_cast<void *>(static_cast<void (*)(int)>(&at::set_num_threads)), &info) && info.dli_fname,
                "the folder of libtorch_cpu is unknown");
            std::string path(info.dli_fname);
            const auto slash = path.rfind('/');
            path = (slash == std::string::npos ? std::string() : path.substr(0, slash + 1)) + "libtorch_cuda.so";
            if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
                const char *cause = dlerror();
                TORCH_CHECK(false, "cannot load ", path, ": ", cause ? cause : "no cause given");
            }
        }
        loaded = true;
        *device_count = c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount();
        TORCH_CHECK(*device_count > 0, "libtorch_cuda is loaded but no CUDA device is visible");
    });
}

ct_status ct_synchronize(int32_t device) {
    if (device < 0) return nullptr;
    return guard([&] {
        c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->synchronizeDevice(static_cast<c10::DeviceIndex>(device));
    });
}

namespace {

c10::DeviceAllocator &allocator() {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    return *c10::getDeviceAllocator(c10::DeviceType::CUDA);
}

}  // namespace

ct_status ct_device_memory(ct_device_bytes *out, int32_t device) {
    return guard([&] {
        TORCH_CHECK(device >= 0, "the CPU's tensors are counted by ct_memory_held");
        const auto index = static_cast<c10::DeviceIndex>(device);
        constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
        const auto found = allocator().getDeviceStats(index);
        const auto [free, total] = allocator().getMemoryInfo(index);
        *out = {
            found.allocated_bytes[all].current, found.allocated_bytes[all].peak, found.reserved_bytes[all].current,
            found.reserved_bytes[all].peak,     static_cast<int64_t>(free),      static_cast<int64_t>(total)};
    });
}

ct_status ct_device_reset_peak(int32_t device) {
    return guard([&] { allocator().resetPeakStats(static_cast<c10::DeviceIndex>(device)); });
}

void ct_set_deterministic(bool wanted) {
    auto &context = at::globalContext();
    context.setDeterministicAlgorithms(wanted, /*warn_only=*/false);
    context.setDeterministicCuDNN(wanted);
    // Every fresh tensor would be filled besides, at the price of writing it once more; here each is written before it is read.
    context.setDeterministicFillUninitializedMemory(false);
}

bool ct_deterministic(void) { return at::globalContext().deterministicAlgorithms(); }

int64_t ct_memory_asked(void) { return memory_asked; }
