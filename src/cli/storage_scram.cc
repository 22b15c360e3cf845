#include "cli/storage_scram.h"

#include <charconv>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/scram_credential.h"

namespace semel::cli {
namespace {

using Pairs = std::map<std::string, std::string, std::less<>>;

std::unexpected<Error> refuse(std::string text) {
  return fail(ErrorCode::kInvalidConfig, std::move(text));
}

/// "[a=b,c=\"d\"]"
Result<Pairs> parse_pairs(std::string_view text) {
  if (!text.starts_with('[')) return refuse("Expected configuration string to start with [");
  if (!text.ends_with(']') || text.size() < 2)
    return refuse("Expected configuration string to end with ]");
  Pairs pairs;
  for (const std::string& piece : split_list(text.substr(1, text.size() - 2), ',')) {
    const size_t equals = piece.find('=');
    if (equals == std::string::npos)
      return refuse(fmt::format("Failed to find equals sign in SCRAM argument '{}'", piece));
    std::string_view value = std::string_view(piece).substr(equals + 1);
    const bool is_quoted = value.size() > 1 && value.starts_with('"') && value.ends_with('"');
    if (is_quoted) value = value.substr(1, value.size() - 2);
    pairs[piece.substr(0, equals)] = value;
  }
  return pairs;
}

Result<std::optional<Digest>> base64_of(const Pairs& pairs, std::string_view key) {
  const auto at = pairs.find(key);
  if (at == pairs.end()) return std::nullopt;
  auto bytes = from_base64(at->second);
  if (!bytes) return refuse(fmt::format("Failed to decode given {}: {}", key, at->second));
  return bytes;
}

Result<int32_t> iterations_of(const Pairs& pairs, const ScramMechanism& mechanism) {
  const auto at = pairs.find("iterations");
  if (at == pairs.end()) return kScramIterationsMin;
  const std::string& text = at->second;
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return refuse(fmt::format("For input string: \"{}\"", text));
  if (value < kScramIterationsMin)
    return refuse(fmt::format("The 'iterations' value must be >= {} for add-scram using {}",
                              kScramIterationsMin, mechanism.enum_name));
  if (value > kScramIterationsMax)
    return refuse(fmt::format("The 'iterations' value must be <= {} for add-scram using {}",
                              kScramIterationsMax, mechanism.enum_name));
  return value;
}

bytes::Buffer buffer_of(const Digest& bytes) {
  return bytes::Buffer::copy_of(std::as_bytes(std::span(bytes)));
}

}  // namespace

Result<gen::UserScramCredentialRecord> parse_scram_record(std::string_view text,
                                                          rt::Random& random) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return refuse(fmt::format("Failed to find equals sign in SCRAM argument '{}'", text));
  const std::string_view name = text.substr(0, equals);
  const ScramMechanism* mechanism = find_scram(name);
  if (mechanism == nullptr)
    return refuse(fmt::format("The add-scram mechanism {} is not supported.", name));
  SEMEL_TRY(const Pairs pairs, parse_pairs(text.substr(equals + 1)));
  if (!pairs.contains("name")) return refuse("You must supply 'name' to add-scram");
  SEMEL_TRY(auto salt, base64_of(pairs, "salt"));
  SEMEL_TRY(const int32_t iterations, iterations_of(pairs, *mechanism));
  SEMEL_TRY(auto salted, base64_of(pairs, "saltedpassword"));
  const auto password = pairs.find("password");
  const bool has_password = password != pairs.end();
  if (has_password && salted)
    return refuse("You must supply one of 'password' or 'saltedpassword' to add-scram, not both");
  if (!has_password && !salted)
    return refuse("You must supply one of 'password' or 'saltedpassword' to add-scram");
  if (salted && !salt) return refuse("You must supply 'salt' with 'saltedpassword' to add-scram");
  if (!salt) salt = random_salt(random);
  if (has_password) salted = pbkdf2(mechanism->hash, octets(password->second), *salt, iterations);
  gen::UserScramCredentialRecord record;
  record.name = pairs.find("name")->second;
  record.mechanism = mechanism->number;
  record.salt = buffer_of(*salt);
  record.stored_key = buffer_of(scram_stored_key(*mechanism, *salted));
  record.server_key = buffer_of(scram_server_key(*mechanism, *salted));
  record.iterations = iterations;
  return record;
}

std::string scram_record_text(const gen::UserScramCredentialRecord& record) {
  const auto signed_bytes = [](const bytes::Buffer& buffer) {
    std::string text;
    for (const std::byte byte : buffer.span())
      text += fmt::format("{}{}", text.empty() ? "" : ", ", static_cast<int8_t>(byte));
    return text;
  };
  return fmt::format(
      "UserScramCredentialRecord(name='{}', mechanism={}, salt=[{}], storedKey=[{}], "
      "serverKey=[{}], iterations={})",
      std::string_view(record.name), record.mechanism, signed_bytes(record.salt),
      signed_bytes(record.stored_key), signed_bytes(record.server_key), record.iterations);
}

}  // namespace semel::cli
