"""C++ tables over all messages: APIs, their versions per listener, record types."""

from cpp import Lines
from schema import NEWEST

LISTENERS = ("broker", "controller")
TABLE_HEADER = '''// Generated from schema/*.msg. Changes belong there.
//
// The APIs of the protocol: names, versions, header versions, and what each kind of listener lists in
// its ApiVersions response.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace semel::gen {

enum class ApiKey : int16_t {
@KEYS@};

enum class ListenerKind : uint8_t { kBroker, kController };

/// A row of the ApiVersions response.
struct ApiVersionRange {
  int16_t api_key;
  int16_t min_version;
  int16_t max_version;
};

struct ApiInfo {
  ApiKey key;
  std::string_view name;
  /// Versions that are served; a newest version that Kafka calls unstable is left out.
  int16_t min_version;
  int16_t max_version;
  /// The newest version that the codec knows.
  int16_t max_codec_version;
  /// First version with compact strings and tagged fields; 32767 if none has.
  int16_t first_flexible_version;
  bool on_broker;
  bool on_controller;
  /// A broker may pass the request on to the controller in an Envelope.
  bool forwardable;
  /// Needs the right to act as a part of the cluster.
  bool cluster_action;
};

/// The row of `api_key`, or null if no version of it exists.
const ApiInfo* find_api(int16_t api_key);
inline const ApiInfo& api_info(ApiKey key) { return *find_api(static_cast<int16_t>(key)); }
/// In order of keys.
std::span<const ApiInfo> all_apis();
/// "Produce"; "Unknown" for a key without a row.
std::string_view api_name(int16_t api_key);

/// What a listener of this kind lists, in order of keys. Produce is listed from 0 although 0 … 2 are
/// not served: librdkafka decides by it which codecs it may use (KAFKA-18659).
std::span<const ApiVersionRange> listed_apis(ListenerKind kind);
/// True if a listener of this kind serves the version.
bool is_served(ListenerKind kind, int16_t api_key, int16_t version);

/// Header versions; also defined for versions above the newest. −1 for a key without a row.
int16_t request_header_version(int16_t api_key, int16_t version);
int16_t response_header_version(int16_t api_key, int16_t version);

}  // namespace semel::gen
'''
TABLE_CODE = '''// Generated from schema/*.msg. Changes belong there.
#include "gen/api_table.h"

#include <array>

namespace semel::gen {
namespace {

constexpr ApiInfo kApis[] = {
@ROWS@};

constexpr int16_t kKeyMax = @KEY_MAX@;
constexpr auto kRowOfKey = [] {
  std::array<int8_t, kKeyMax + 1> rows{};
  rows.fill(-1);
  for (size_t i = 0; i < std::size(kApis); ++i)
    rows[static_cast<size_t>(kApis[i].key)] = static_cast<int8_t>(i);
  return rows;
}();

@LISTED@
}  // namespace

const ApiInfo* find_api(int16_t api_key) {
  if (api_key < 0 || api_key > kKeyMax) return nullptr;
  const int8_t row = kRowOfKey[static_cast<size_t>(api_key)];
  return row < 0 ? nullptr : &kApis[row];
}

std::span<const ApiInfo> all_apis() { return kApis; }

std::string_view api_name(int16_t api_key) {
  const ApiInfo* api = find_api(api_key);
  return api == nullptr ? "Unknown" : api->name;
}

std::span<const ApiVersionRange> listed_apis(ListenerKind kind) {
  if (kind == ListenerKind::kBroker) return kListedByBroker;
  return kListedByController;
}

bool is_served(ListenerKind kind, int16_t api_key, int16_t version) {
  const ApiInfo* api = find_api(api_key);
  if (api == nullptr) return false;
  const bool is_here = kind == ListenerKind::kBroker ? api->on_broker : api->on_controller;
  return is_here && version >= api->min_version && version <= api->max_version;
}

int16_t request_header_version(int16_t api_key, int16_t version) {
  const ApiInfo* api = find_api(api_key);
  if (api == nullptr) return -1;
  return version >= api->first_flexible_version ? 2 : 1;
}

int16_t response_header_version(int16_t api_key, int16_t version) {
  const ApiInfo* api = find_api(api_key);
  if (api == nullptr) return -1;
  if (api->key == ApiKey::kApiVersions) return 0;
  return version >= api->first_flexible_version ? 1 : 0;
}

}  // namespace semel::gen
'''


def newest_stable(api):
    return api.versions.high - 1 if api.newest_is_unstable else api.versions.high


def listed(api, listener):
    return listener in api.listeners and newest_stable(api) >= api.versions.low


def api_table(files):
    apis = [f.api for f in files if f.api]
    keys = Lines()
    rows = Lines()
    for api in apis:
        keys.add(f"  k{api.name} = {api.key},")
        first_flexible = NEWEST - 1 if api.flexible.empty else api.flexible.low
        flags = [str(x).lower() for x in ("broker" in api.listeners, "controller" in api.listeners,
                                          api.forwardable, api.cluster_action)]
        rows.add(f'    {{ApiKey::k{api.name}, "{api.name}", {api.versions.low}, {newest_stable(api)}, '
                 f'{api.versions.high}, {first_flexible}, {", ".join(flags)}}},')
    tables = Lines()
    for listener in LISTENERS:
        tables.add(f"constexpr ApiVersionRange kListedBy{listener.capitalize()}[] = {{")
        for api in apis:
            if listed(api, listener):
                low = api.listed_from if listener == "broker" else api.versions.low
                tables.add(f"    {{{api.key}, {low}, {newest_stable(api)}}},")
        tables.add("};")
    code = TABLE_CODE.replace("@ROWS@", rows.text()).replace("@LISTED@", tables.text())
    code = code.replace("@KEY_MAX@", str(apis[-1].key))
    return TABLE_HEADER.replace("@KEYS@", keys.text()), code
