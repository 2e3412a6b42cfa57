#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "support.hpp"

// libtorch's CPU allocator with a count: who needs how much memory is a figure of every comparison.
namespace {

std::atomic<int64_t> held{0};
std::atomic<int64_t> peak{0};
thread_local int64_t allocations = 0;
thread_local int64_t allocated = 0;
thread_local int64_t kept = 0;

class CountingAllocator final : public c10::Allocator {
    // The size stands before the block, in as many bytes as keep the block's alignment.
    static constexpr size_t header = c10::gAlignment;

    static void free(void *context) {
        held.fetch_sub(*static_cast<int64_t *>(context), std::memory_order_relaxed);
        kept -= *static_cast<int64_t *>(context);
        c10::free_cpu(context);
    }

public:
    c10::DataPtr allocate(size_t bytes) override {
        if (bytes == 0) return {nullptr, nullptr, &free_nothing, c10::Device(c10::DeviceType::CPU)};
        char *block = static_cast<char *>(block_of(bytes));
        ++allocations;
        allocated += static_cast<int64_t>(bytes);
        kept += static_cast<int64_t>(bytes);
        *reinterpret_cast<int64_t *>(block) = static_cast<int64_t>(bytes);
        const int64_t now = held.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed) + static_cast<int64_t>(bytes);
        int64_t before = peak.load(std::memory_order_relaxed);
        while (now > before && !peak.compare_exchange_weak(before, now, std::memory_order_relaxed)) {}
        return {block + header, block, &free, c10::Device(c10::DeviceType::CPU)};
    }

    // A raw block is freed by its own address, which is not where it begins; nothing in the host asks for one.
    c10::DeleterFnPtr raw_deleter() const override { return nullptr; }

    void copy_data(void *to, const void *from, size_t bytes) const override { std::memcpy(to, from, bytes); }

private:
    static void free_nothing(void *) {}

    static void *block_of(size_t bytes) {
        try {
            return c10::alloc_cpu(bytes + header);
        } catch (const c10::Error &) {
            // A negative number of bytes is misuse; whatever else fails there is for want of memory.
            if (static_cast<ptrdiff_t>(bytes) < 0) throw;
            throw ct::NoMemory(bytes);
        }
    }
};

CountingAllocator allocator;

}  // namespace

void ct_count_memory(void) { c10::SetCPUAllocator(&allocator, /*priority=*/100); }

int64_t ct_memory_held(void) { return held.load(std::memory_order_relaxed); }

int64_t ct_memory_peak(void) { return peak.load(std::memory_order_relaxed); }

void ct_memory_reset_peak(void) { peak.store(held.load(std::memory_order_relaxed), std::memory_order_relaxed); }

ct_work_done ct_work(void) { return {ct::calls, allocations, allocated, kept}; }
