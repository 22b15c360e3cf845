// kafka-topics.sh: Kafka 4.3.1's options, texts and exit codes.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "cli/api_caller.h"
#include "cli/output.h"

namespace semel::cli {

extern const char* const kKafkaTopicsUsage;

/// Connects to a bootstrap list ("host:port,host:port").
using Connect = std::function<Result<std::unique_ptr<ApiCaller>>(const std::string& servers)>;

/// Returns the exit code.
int run_kafka_topics(std::span<const std::string> arguments, const Connect& connect, Output& output);

}  // namespace semel::cli
