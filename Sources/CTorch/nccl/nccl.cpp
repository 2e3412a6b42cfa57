// Sums and shares between the GPUs of several ranks, over NCCL: a library of its own, which `make nccl` builds where CUDA is and a rank
// opens at run time. So one program serves machines with and without GPUs.
//
// It has been compiled, and has never run.
#define USE_C10D_NCCL

#include <c10/cuda/CUDAGuard.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>

/// A group of `size` ranks that meet in the store, whose caller owns it; `device` is this rank's GPU. A call that another rank does not
/// answer within so many milliseconds throws.
extern "C" c10d::Backend *zoo_nccl_join(c10d::Store *store, int rank, int size, int device, std::int64_t milliseconds) {
    // Without it a call returns before it is done, and one that fails ends the process from another thread.
    setenv("TORCH_NCCL_BLOCKING_WAIT", "1", /*overwrite=*/0);
    const c10::cuda::CUDAGuard here(static_cast<c10::DeviceIndex>(device));
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = std::chrono::milliseconds(milliseconds);
    auto group = c10::make_intrusive<c10d::ProcessGroupNCCL>(
        c10::intrusive_ptr<c10d::Store>::reclaim_copy(store), rank, size, std::move(options));
    group->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
    c10::intrusive_ptr<c10d::Backend> backend = std::move(group);
    return backend.release();
}
