// What c10d's header of its Gloo group names of Gloo, whose own headers are not part of libtorch's wheel. All of it stands behind
// pointers, or in classes that nothing here makes.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gloo {

class Algorithm;

class Context {
public:
    void setTimeout(std::chrono::milliseconds timeout);
};

namespace rendezvous {

class Store {
public:
    virtual ~Store() = default;
    virtual void set(const std::string &key, const std::vector<char> &data) = 0;
    virtual std::vector<char> get(const std::string &key) = 0;
    virtual void wait(const std::vector<std::string> &keys) = 0;
    virtual void wait(const std::vector<std::string> &keys, const std::chrono::milliseconds &timeout) = 0;
};

}  // namespace rendezvous

namespace transport {

class Device;
class UnboundBuffer;

}  // namespace transport

}  // namespace gloo
