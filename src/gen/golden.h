// Test helper: the golden vectors and captured frames of tests/golden/wire.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bytes/buffer.h"

namespace semel::gen {

struct Vector {
  std::string name;      // "ProduceRequest"
  std::string scenario;  // full, nulls, default, unknown-tag
  int16_t version = 0;
  std::vector<std::byte> body;
  std::string json;  // the text of Kafka's converter
};
/// Every line of synthetic/**/*.jsonl.
void for_each_vector(const std::function<void(const Vector&)>& visit);

struct CapturedFrame {
  std::string file;
  std::string api;
  int16_t version = 0;
  bool is_request = false;
  std::vector<std::byte> bytes;  // header and body
};
void for_each_captured_frame(const std::function<void(const CapturedFrame&)>& visit);

std::string hex(bytes::ByteSpan bytes);
std::vector<std::byte> unhex(std::string_view text);
std::string read_golden(std::string_view path);

}  // namespace semel::gen
