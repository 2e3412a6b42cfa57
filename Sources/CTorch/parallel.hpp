// Loops over rows on libtorch's own thread team.
#pragma once

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdint>

namespace ct {

/// The OpenMP run time that libtorch has loaded. Its headers' `at::parallel_for` is serial unless the including file is
/// compiled for that same run time, which clang cannot do for GNU's; so its entry points are called by name.
/// A second run time would bring a second team of threads, spinning against the first.
struct Team {
    using Task = void (*)(void *);
    void (*run)(Task, void *, unsigned threads, unsigned flags) = nullptr;
    int (*index)() = nullptr;
    int (*size)() = nullptr;

    static const Team &shared() {
        static const Team team = [] {
            Team found;
            found.run = reinterpret_cast<decltype(found.run)>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
            found.index = reinterpret_cast<decltype(found.index)>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
            found.size = reinterpret_cast<decltype(found.size)>(dlsym(RTLD_DEFAULT, "omp_get_num_threads"));
            return found;
        }();
        return team;
    }
};

/// Calls `body(begin, end)` on parts of 0 ..< count of at least `grain`; serial where there is one thread. `body` must
/// not throw.
template <class Body>
void parallel(int64_t count, int64_t grain, const Body &body) {
    const Team &team = Team::shared();
    const int64_t threads = std::min<int64_t>(at::get_num_threads(), count / std::max<int64_t>(1, grain));
    if (threads <= 1 || !team.run || !team.index || !team.size) {
        if (count > 0) body(int64_t(0), count);
        return;
    }
    struct Job {
        const Body &body;
        const Team &team;
        int64_t count;
    } job{body, team, count};
    team.run(
        [](void *opaque) {
            const auto &job = *static_cast<Job *>(opaque);
            const int64_t size = job.team.size(), part = (job.count + size - 1) / size;
            const int64_t begin = part * job.team.index(), end = std::min(job.count, begin + part);
            if (begin < end) job.body(begin, end);
        },
        &job, static_cast<unsigned>(threads), 0);
}

}  // namespace ct
