#include "client/producer_config.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

namespace semel::client {
namespace {

constexpr int32_t kInFlightMax = 5;  // batches per producer that a broker remembers

std::unexpected<ConfigRefusal> refuse(std::string text) {
  return std::unexpected(ConfigRefusal{std::move(text)});
}
std::unexpected<ConfigRefusal> refuse_late(std::string text,
                                           std::string_view kind = "ConfigException") {
  return std::unexpected(ConfigRefusal{std::move(text), kind, true});
}

using Checked = std::expected<void, ConfigRefusal>;

constexpr const char* kNeedsRetries =
    "Must set retries to non-zero when using the idempotent producer.";
constexpr const char* kNeedsAcksAll =
    "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee "
    "idempotence.";
constexpr const char* kNeedsFewInFlight =
    "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent producer.";
constexpr const char* kNeedsIdempotence =
    "Cannot set a transactional.id without also enabling idempotence.";

/// Kafka 2.6: idempotence is off unless asked for, or implied by a transactional id.
Checked settle_idempotence_26(const CheckedSettings& settings, ProducerConfig& config) {
  const bool has_transactions = settings.is_given("transactional.id");
  if (has_transactions && settings.is_given("enable.idempotence") && !config.is_idempotent)
    return refuse(kNeedsIdempotence);
  config.is_idempotent = config.is_idempotent || has_transactions;
  if (!config.is_idempotent) return {};
  if (settings.is_given("retries") && config.retries == 0) return refuse(kNeedsRetries);
  if (settings.is_given("acks") && config.acks != -1) return refuse(kNeedsAcksAll);
  config.acks = -1;
  return {};
}

/// From 3.0 on: on, unless other settings speak against it; asked for explicitly, those are
/// refused.
Checked settle_idempotence(CheckedSettings& settings, KafkaVersion version,
                           ProducerConfig& config) {
  const bool is_explicit = settings.is_given("enable.idempotence");
  bool is_switched_off = false;
  const auto switch_off = [&](std::string why) {
    settings.warn(
        fmt::format("idempotence is off because {}; retries may then store records twice", why));
    is_switched_off = true;
  };
  if (config.is_idempotent) {
    if (config.retries == 0) {
      if (is_explicit) return refuse(kNeedsRetries);
      switch_off("retries is 0");
    }
    if (config.acks != -1) {
      if (is_explicit) return refuse(kNeedsAcksAll);
      switch_off(fmt::format("acks is {}, not all", config.acks));
    }
    if (config.in_flight_max > kInFlightMax) {
      if (version == KafkaVersion::k43)
        return refuse(fmt::format(
            "To use the idempotent producer, max.in.flight.requests.per.connection must be "
            "set to at most 5. Current value is {}.",
            config.in_flight_max));
      if (is_explicit) return refuse(kNeedsFewInFlight);
      switch_off(fmt::format("max.in.flight.requests.per.connection is {}, more than 5",
                             config.in_flight_max));
    }
  }
  config.is_idempotent = config.is_idempotent && !is_switched_off;
  if (!config.is_idempotent && settings.is_given("transactional.id"))
    return refuse(kNeedsIdempotence);
  if (settings.flag("transaction.two.phase.commit.enable") &&
      settings.is_given("transaction.timeout.ms"))
    return refuse(
        "Cannot set transaction.timeout.ms when transaction.two.phase.commit.enable is set to "
        "true. "
        "Transactions will not expire with two-phase commit enabled.");
  return {};
}

/// A time in ms. Java's users write 9223372036854775807 for "for ever"; here that is ten years,
/// which can be added to a clock in ns.
Milliseconds duration_of(const CheckedSettings& settings, std::string_view key) {
  constexpr Milliseconds kLongest = std::chrono::years{10};
  return std::min(Milliseconds{settings.number(key)}, kLongest);
}

Checked settle_timeouts(CheckedSettings& settings, ProducerConfig& config) {
  constexpr int64_t kIntMax = std::numeric_limits<int32_t>::max();
  const int64_t linger = std::min<int64_t>(settings.number("linger.ms"), kIntMax);
  const int64_t needed = std::min(linger + settings.number("request.timeout.ms"), kIntMax);
  int64_t delivery = settings.number("delivery.timeout.ms");
  if (delivery < needed) {
    if (settings.is_given("delivery.timeout.ms"))
      return refuse_late(
          "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms");
    settings.warn(fmt::format(
        "delivery.timeout.ms is raised to {} ms, the sum of linger.ms and request.timeout.ms",
        needed));
    delivery = needed;
  }
  config.delivery_timeout = Milliseconds{delivery};
  config.linger = duration_of(settings, "linger.ms");
  return {};
}

Checked settle_codec(const CheckedSettings& settings, ProducerConfig& config) {
  const std::string& name = settings.text("compression.type");
  const auto codec = bytes::codec_from_name(name);
  if (!codec)
    return refuse_late(fmt::format("Unknown compression name: {}", name),
                       "IllegalArgumentException");
  config.codec = *codec;
  const std::string key = fmt::format("compression.{}.level", name);
  if (settings.is_given(key)) config.codec_level = static_cast<int>(settings.number(key));
  return {};
}

Checked settle_partitioner(const CheckedSettings& settings, ProducerConfig& config) {
  constexpr std::string_view kPackage = "org.apache.kafka.clients.producer.";
  std::string_view name = settings.text("partitioner.class");
  if (name.starts_with(kPackage)) name.remove_prefix(kPackage.size());
  config.ignores_keys =
      settings.flag("partitioner.ignore.keys") || name == "UniformStickyPartitioner";
  if (name == "RoundRobinPartitioner") config.partitioner = Partitioner::kRoundRobin;
  constexpr std::array<std::string_view, 4> kKnown{
      "", "internals.DefaultPartitioner", "UniformStickyPartitioner", "RoundRobinPartitioner"};
  if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) return {};
  return refuse(fmt::format(
      "Invalid value {0} for configuration partitioner.class: Class {0} could not be found.",
      settings.text("partitioner.class")));
}

/// Keys that a user may expect something from, and that nothing here acts on.
void warn_of_idle_keys(CheckedSettings& settings) {
  constexpr std::array<std::string_view, 4> kIdle{"interceptor.classes", "metric.reporters",
                                                  "config.providers", "client.dns.lookup"};
  for (const std::string_view key : kIdle)
    if (settings.is_given(key))
      settings.warn(fmt::format("the setting {} has no effect here", key));
}

/// Host and port as Java's ClientUtils reads them.
std::expected<rt::Address, ConfigRefusal> parse_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string_view digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const bool is_number =
      !digits.empty() && digits.size() < 10 &&
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || colon == 0)
    return refuse_late(fmt::format("Invalid url in bootstrap.servers: {}", text));
  int32_t port = 0;
  for (const char c : digits) port = port * 10 + (c - '0');
  if (port > 65'535) return refuse_late(fmt::format("Invalid port in bootstrap.servers: {}", text));
  auto address = rt::Address::from_text(text);
  if (!address) return refuse_late(fmt::format("Invalid url in bootstrap.servers: {}", text));
  return std::move(*address);
}

}  // namespace

std::expected<std::vector<rt::Address>, ConfigRefusal> parse_bootstrap(
    const CheckedSettings& settings, KafkaVersion version) {
  const bool is_strict = version == KafkaVersion::k43;
  if (is_strict && !settings.is_given("bootstrap.servers"))
    return refuse(
        "Missing required configuration \"bootstrap.servers\" which has no default value.");
  std::string_view rest = settings.text("bootstrap.servers");
  if (is_strict && rest.empty())
    return refuse(
        "Configuration 'bootstrap.servers' must not be empty. Valid values include: any non-empty "
        "value");
  std::vector<rt::Address> addresses;
  std::vector<std::string_view> words;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (word.empty() && is_strict)
      return refuse("Configuration 'bootstrap.servers' values must not be empty.");
    if (!word.empty()) words.push_back(word);
  }
  for (const std::string_view word : words) {
    auto address = parse_address(word);
    if (!address) return std::unexpected(address.error());
    addresses.push_back(std::move(*address));
  }
  if (addresses.empty())
    return refuse_late("No resolvable bootstrap urls given in bootstrap.servers");
  return addresses;
}

std::expected<ConnectionSettings, ConfigRefusal> connection_settings(
    const CheckedSettings& settings, KafkaVersion version) {
  auto bootstrap = parse_bootstrap(settings, version);
  if (!bootstrap) return std::unexpected(bootstrap.error());
  ConnectionSettings connection;
  connection.bootstrap = std::move(*bootstrap);
  connection.client_id = settings.text("client.id");
  connection.request_timeout = duration_of(settings, "request.timeout.ms");
  connection.retry_backoff = duration_of(settings, "retry.backoff.ms");
  const bool has_backoff_max = !settings.text("retry.backoff.max.ms").empty();
  connection.retry_backoff_max =
      has_backoff_max ? duration_of(settings, "retry.backoff.max.ms") : connection.retry_backoff;
  connection.retry_backoff_max = std::max(connection.retry_backoff, connection.retry_backoff_max);
  connection.reconnect_backoff = duration_of(settings, "reconnect.backoff.ms");
  connection.reconnect_backoff_max =
      std::max(connection.reconnect_backoff, duration_of(settings, "reconnect.backoff.max.ms"));
  if (!settings.text("socket.connection.setup.timeout.ms").empty())
    connection.connection_setup_timeout =
        duration_of(settings, "socket.connection.setup.timeout.ms");
  if (!settings.text("default.api.timeout.ms").empty())
    connection.api_timeout = duration_of(settings, "default.api.timeout.ms");
  connection.metadata_max_age = duration_of(settings, "metadata.max.age.ms");
  std::string protocol = settings.text("security.protocol");
  for (char& c : protocol) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  constexpr std::array<std::string_view, 4> kProtocols{"PLAINTEXT", "SSL", "SASL_PLAINTEXT",
                                                       "SASL_SSL"};
  if (std::find(kProtocols.begin(), kProtocols.end(), protocol) == kProtocols.end())
    return refuse_late(
        "No enum constant org.apache.kafka.common.security.auth.SecurityProtocol." + protocol,
        "IllegalArgumentException");
  if (protocol != "PLAINTEXT")
    return refuse(fmt::format("security.protocol {}: this client speaks PLAINTEXT only", protocol));
  connection.security_protocol = std::move(protocol);
  return connection;
}

std::expected<ProducerConfig, ConfigRefusal> ProducerConfig::from(
    std::span<const ClientSetting> given, KafkaVersion version) {
  auto checked = CheckedSettings::check(producer_config_keys(), given, version);
  if (!checked) return std::unexpected(checked.error());
  CheckedSettings& settings = *checked;
  ProducerConfig config;
  const std::string& acks = settings.text("acks");
  config.acks = acks == "0" ? int16_t{0} : acks == "1" ? int16_t{1} : int16_t{-1};
  config.is_idempotent = settings.flag("enable.idempotence");
  config.transactional_id = settings.text("transactional.id");
  config.retries = static_cast<int32_t>(settings.number("retries"));
  config.in_flight_max =
      static_cast<int32_t>(settings.number("max.in.flight.requests.per.connection"));
  config.max_block = duration_of(settings, "max.block.ms");
  config.batch_size = static_cast<size_t>(settings.number("batch.size"));
  config.buffer_memory = static_cast<size_t>(settings.number("buffer.memory"));
  config.max_request_size = static_cast<size_t>(settings.number("max.request.size"));

  // The order is Java's: which of several refusals a user sees depends on it.
  if (auto done = settle_partitioner(settings, config); !done) return std::unexpected(done.error());
  const bool is_strict = version == KafkaVersion::k43;
  if (is_strict) {
    if (auto first = parse_bootstrap(settings, version);
        !first && !first.error().is_from_constructor)
      return std::unexpected(first.error());
  }
  auto idempotence = version == KafkaVersion::k26 ? settle_idempotence_26(settings, config)
                                                  : settle_idempotence(settings, version, config);
  if (!idempotence) return std::unexpected(idempotence.error());
  if (auto done = settle_codec(settings, config); !done) return std::unexpected(done.error());
  if (auto done = settle_timeouts(settings, config); !done) return std::unexpected(done.error());
  auto connection = connection_settings(settings, version);
  if (!connection) return std::unexpected(connection.error());
  config.connection = std::move(*connection);
  if (version == KafkaVersion::k26 && config.is_idempotent && config.in_flight_max > kInFlightMax)
    return refuse_late(kNeedsFewInFlight);
  warn_of_idle_keys(settings);
  config.warnings = settings.warnings();
  return config;
}

}  // namespace semel::client
