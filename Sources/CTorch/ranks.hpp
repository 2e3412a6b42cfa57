// Processes that work on one run together, over c10d: a store of keys that all of them see, and sums and gathers over Gloo.
#pragma once

#define USE_C10D_GLOO

#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "support.hpp"

namespace ct {

struct Store {
    c10::intrusive_ptr<c10d::Store> keys;
    /// How long an answer may take.
    std::chrono::milliseconds patience{};
    /// Whether one took longer; then none is waited for again.
    std::atomic<bool> isLost = false;

    /// What `body` makes of the keys, in a thread of its own: c10d waits without end for a server that is cut off.
    template <typename Answer, typename Body>
    Answer asked(Body body) {
        auto promise = std::make_shared<std::promise<Answer>>();
        auto answer = promise->get_future();
        if (!isLost) {
            std::thread([promise, body = std::move(body), keys = keys] {
                try {
                    promise->set_value(body(*keys));
                } catch (...) {
                    promise->set_exception(std::current_exception());
                }
            }).detach();
        }
        if (isLost || answer.wait_for(patience) != std::future_status::ready) {
            isLost = true;
            throw std::runtime_error("no answer within " + std::to_string(patience.count() / 1000) + " s");
        }
        return answer.get();
    }
};

/// What a rank is about to do; all ranks compare theirs before they do it. c10d itself adds an array to whichever one another rank
/// has next, and ends the process where their sizes differ.
struct Fingerprint {
    int64_t sequence = 0;
    int64_t operation = 0;
    /// Numbers in a sum; of a gather, this rank's bytes, which need not be the same.
    int64_t size = 0;
    std::array<char, 104> name{};

    bool operator==(const Fingerprint &other) const {
        return sequence == other.sequence && operation == other.operation && name == other.name &&
               (operation == gather || size == other.size);
    }

    bool operator<(const Fingerprint &other) const {
        const auto own = operation == gather ? 0 : size, others = other.operation == gather ? 0 : other.size;
        return std::tie(sequence, operation, own, name) < std::tie(other.sequence, other.operation, others, other.name);
    }

    std::string words() const {
        static constexpr const char *kinds[] = {"the gather", "the sum", "the share", "the move"};
        std::string text = "call " + std::to_string(sequence) + ", " + kinds[operation - gather] + " '" + name.data() + "'";
        return operation == gather || operation == move ? text : text + " of " + std::to_string(size) + " numbers";
    }

    static constexpr int64_t gather = 1, sum = 2, share = 3, move = 4;
};
static_assert(sizeof(Fingerprint) == 128);

struct Ranks {
    c10::intrusive_ptr<c10d::ProcessGroupGloo> group;
    int rank = 0, size = 1;
    int64_t sequence = 0;
    /// Between GPUs; without it their tensors go by way of the host's memory.
    c10::intrusive_ptr<c10d::Backend> devices;

    std::vector<at::Tensor> all(const at::Tensor &own) {
        std::vector<std::vector<at::Tensor>> outputs(1);
        for (int i = 0; i < size; ++i) outputs[0].push_back(at::empty_like(own));
        std::vector<at::Tensor> inputs{own};
        group->allgather(outputs, inputs)->wait();
        return outputs[0];
    }

    /// Every rank's fingerprint, the same but for the sizes of a gather.
    std::vector<Fingerprint> agree(int64_t operation, const char *name, int64_t numbers) {
        Fingerprint own;
        own.sequence = ++sequence;
        own.operation = operation;
        own.size = numbers;
        std::strncpy(own.name.data(), name, own.name.size() - 1);
        auto bytes = at::empty({static_cast<int64_t>(sizeof own)}, at::kByte);
        std::memcpy(bytes.data_ptr(), &own, sizeof own);
        std::vector<Fingerprint> found;
        for (const auto &other : all(bytes)) {
            Fingerprint theirs;
            std::memcpy(&theirs, other.const_data_ptr(), sizeof theirs);
            found.push_back(theirs);
        }
        std::map<Fingerprint, int> votes;
        for (const auto &other : found) ++votes[other];
        if (votes.size() == 1) return found;
        auto usual = found[0];
        for (const auto &[other, count] : votes) {
            if (count > votes[usual]) usual = other;
        }
        std::string text = "the ranks have come apart: ";
        for (int i = 0; i < size; ++i) {
            if (!(found[static_cast<size_t>(i)] == usual)) {
                text += "rank " + std::to_string(i) + " is at " + found[static_cast<size_t>(i)].words() + "; ";
            }
        }
        throw std::runtime_error(text + "the others are at " + usual.words());
    }

    c10d::Backend &backend(const at::Tensor &tensor) {
        if (tensor.is_cuda() && devices) return *devices;
        return *group;
    }

    void sum(at::Tensor flat) {
        std::vector<at::Tensor> tensors{std::move(flat)};
        backend(tensors[0]).allreduce(tensors)->wait();
    }

    /// Makes a tensor what it is on the rank `from`.
    void share(at::Tensor flat, int from) {
        c10d::BroadcastOptions options;
        options.rootRank = from;
        std::vector<at::Tensor> tensors{std::move(flat)};
        backend(tensors[0]).broadcast(tensors, options)->wait();
    }

    /// Calls `body` with tensors of one type in one row, a bucket of some 16 MiB at a time, and puts what it makes of them back.
    template <typename Body>
    void in_buckets(const std::vector<at::Tensor> &parts, const Body &body) {
        constexpr int64_t most = 16 << 20;
        size_t first = 0;
        while (first < parts.size()) {
            int64_t bytes = 0;
            std::vector<at::Tensor> bucket;
            size_t next = first;
            while (next < parts.size() && (bucket.empty() || bytes + static_cast<int64_t>(parts[next].nbytes()) <= most)) {
                bytes += static_cast<int64_t>(parts[next].nbytes());
                bucket.push_back(parts[next++].reshape(-1));
            }
            auto flat = at::cat(bucket);
            if (flat.is_cuda() && !devices) flat = flat.cpu();
            body(flat);
            int64_t place = 0;
            for (; first < next; ++first) {
                parts[first].copy_(flat.narrow(0, place, parts[first].numel()).view(parts[first].sizes()));
                place += parts[first].numel();
            }
        }
    }

    /// Adds up tensors over all ranks, in place.
    void sum_in_buckets(const std::vector<at::Tensor> &parts) {
        in_buckets(parts, [&](const at::Tensor &flat) { sum(flat); });
    }

    /// Which of some flags are set on any rank.
    std::vector<bool> any(const std::vector<bool> &flags) {
        auto counts = at::zeros({static_cast<int64_t>(flags.size())}, at::kLong);
        auto *values = counts.mutable_data_ptr<int64_t>();
        for (size_t i = 0; i < flags.size(); ++i) values[i] = flags[i] ? 1 : 0;
        sum(counts);
        std::vector<bool> found;
        for (size_t i = 0; i < flags.size(); ++i) found.push_back(values[i] > 0);
        return found;
    }
};

inline Store &ref(ct_store store) { return *reinterpret_cast<Store *>(store); }
inline Ranks &ref(ct_ranks ranks) { return *reinterpret_cast<Ranks *>(ranks); }

inline std::chrono::milliseconds milliseconds(double seconds) {
    return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

inline int64_t numbers(const std::vector<at::Tensor> &tensors) {
    int64_t count = 0;
    for (const auto &tensor : tensors) count += tensor.numel();
    return count;
}

}  // namespace ct
