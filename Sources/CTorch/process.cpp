#include <ATen/Parallel.h>
#include <sys/resource.h>
#include <torch/version.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#if defined(__APPLE__)
#include <mach/mach.h>
#include <malloc/malloc.h>
#else
#include <unistd.h>

#include <fstream>
#endif

#include "support.hpp"

using namespace ct;

const char *ct_version(void) { return TORCH_VERSION; }

void ct_configure_process(void) {
    ct_count_memory();
#if defined(__GLIBC__)
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 2047 << 20);
    mallopt(M_TOP_PAD, 64 << 20);
#endif
}

void ct_set_threads(int32_t count) { at::set_num_threads(count < 1 ? 1 : count); }

int32_t ct_threads(void) { return at::get_num_threads(); }

int64_t ct_live_handles(void) { return live_handles.load(std::memory_order_relaxed); }

int64_t ct_peak_resident_bytes(void) {
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#if defined(__APPLE__)
    return usage.ru_maxrss;
#else
    return static_cast<int64_t>(usage.ru_maxrss) * 1024;
#endif
}

#if !defined(__APPLE__)
namespace {

/// The resident pages of this process, and those of them that files back, in bytes.
std::pair<int64_t, int64_t> resident_bytes() {
    std::ifstream file("/proc/self/statm");
    int64_t total = 0;
    int64_t resident = 0;
    int64_t shared = 0;
    if (!(file >> total >> resident >> shared)) return {0, 0};
    const int64_t page = sysconf(_SC_PAGESIZE);
    return {resident * page, shared * page};
}

}  // namespace
#endif

int64_t ct_resident_bytes(void) {
#if defined(__APPLE__)
    mach_task_basic_info info{};
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    const auto status = task_info(mach_task_self(), MACH_TASK_BASIC_INFO, reinterpret_cast<task_info_t>(&info), &count);
    return status == KERN_SUCCESS ? static_cast<int64_t>(info.resident_size) : 0;
#else
    return resident_bytes().first;
#endif
}

int64_t ct_heap_bytes(void) {
#if defined(__APPLE__)
    malloc_statistics_t statistics{};
    malloc_zone_statistics(nullptr, &statistics);
    return static_cast<int64_t>(statistics.size_in_use);
#elif defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    const auto info = mallinfo2();
    return static_cast<int64_t>(info.uordblks + info.hblkhd);
#else
    return 0;
#endif
}

int64_t ct_file_backed_bytes(void) {
#if defined(__APPLE__)
    return 0;
#else
    return resident_bytes().second;
#endif
}

void ct_message_free(ct_status message) { std::free(message); }
