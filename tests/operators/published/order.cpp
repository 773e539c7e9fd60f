// The order in which std::sort leaves the positions of float32 keys, the largest key first; equal keys stay where the
// introsort of the library puts them.
//
//     g++ -O2 -o order tests/operators/published/order.cpp
//     ./order < keys > positions        little-endian float32 in, int32 out
//     ./order --hashes > orders.txt     name or keys of every list of `lists`, and FNV-1a hash of its order
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

using Keys = std::vector<float>;

static std::vector<int32_t> order_of(const Keys& keys) {
  std::vector<int32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return keys[a] > keys[b]; });
  return order;
}

static uint32_t hash_of(const std::vector<int32_t>& order) {
  uint32_t hash = 2166136261u;
  for (int32_t position : order) hash = (hash ^ static_cast<uint32_t>(position)) * 16777619u;
  return hash;
}

static Keys list(int count, const std::function<float(int)>& key) {
  Keys keys(count);
  for (int i = 0; i < count; i++) keys[i] = key(i);
  return keys;
}

// Keys that make every partition as uneven as can be, so that a heap sorts the rest: they are settled while std::sort
// compares them, each as late and as extreme as what was answered before allows (McIlroy 1999).
static Keys adverse(int count) {
  const int open = count;
  int settled = 0, candidate = 0;
  std::vector<int> places(count, open), order(count);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    if (places[a] == open && places[b] == open) places[a == candidate ? a : b] = settled++;
    if (places[a] == open) candidate = a;
    else if (places[b] == open) candidate = b;
    return places[a] < places[b];
  });
  return list(count, [&](int i) { return static_cast<float>(-places[i]); });
}

// A multiplicative generator: 0 to modulus - 1.
static Keys drawn(int count, uint32_t modulus) {
  uint32_t state = 1;
  return list(count, [&](int) {
    state = state * 1664525u + 1013904223u;
    return static_cast<float>((state >> 8) % modulus);
  });
}

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "--hashes") == 0) {
    std::vector<std::pair<std::string, Keys>> lists;
    for (int count : {0, 1, 2, 15, 16, 17, 18, 33, 100, 1000, 4096, 65536}) {
      const std::string size = std::to_string(count);
      lists.emplace_back("equal " + size, list(count, [](int) { return 1.0f; }));
      lists.emplace_back("rising " + size, list(count, [](int i) { return static_cast<float>(i); }));
      lists.emplace_back("falling " + size, list(count, [](int i) { return static_cast<float>(-i); }));
      for (uint32_t modulus : {2u, 7u, 1000u, 65536u}) {
        lists.emplace_back("drawn below " + std::to_string(modulus) + " " + size, drawn(count, modulus));
      }
    }
    for (int share : {2, 5, 300}) {
      Keys keys = adverse(300);
      std::string name = "keys";
      // The keys settled last are what the heap is given; some of them are made equal.
      for (float& key : keys) {
        if (key < -100) key = std::floor(key / share) - 100;
        name += " " + std::to_string(static_cast<int>(key));
      }
      lists.emplace_back(name, keys);
    }
    for (const auto& [name, keys] : lists) std::printf("%s: %u\n", name.c_str(), hash_of(order_of(keys)));
    return 0;
  }
  Keys keys;
  float key;
  while (std::fread(&key, sizeof key, 1, stdin) == 1) keys.push_back(key);
  const std::vector<int32_t> order = order_of(keys);
  return std::fwrite(order.data(), sizeof(int32_t), order.size(), stdout) == order.size() ? 0 : 1;
}
