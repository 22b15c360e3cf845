// The process: finds the command by the name it was called with, or by its first word.
#include <climits>
#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <malloc.h>
#include <sched.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_limiter.h"
#include "broker/broker.h"
#include "cli/cluster_caller.h"
#include "cli/commands.h"
#include "rt/guarded.h"
#include "rt/linux/linux_runtime.h"
#include "rt/linux/system_clock.h"

namespace semel {
namespace {

/// Per area; errors are always written.
constexpr uint32_t kLogBurst = 500;
constexpr uint32_t kLogLinesPerSecond = 20;

void write_log(LogLevel level, std::string_view area, std::string_view line) {
  static const rt::linux_os::SystemClock clock;
  static rt::Guarded<LogLimiter> limiter(kLogBurst, kLogLinesPerSecond);
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::trace,
                                                          spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};
  spdlog::logger& logger = *spdlog::default_logger_raw();
  if (level != LogLevel::kError) {
    const int64_t now_ms = clock.now().ns / 1'000'000;
    const auto left_out =
        limiter.with([&](LogLimiter& limits) { return limits.admit(area, now_ms); });
    if (!left_out) return;
    if (*left_out > 0)
      logger.warn("{}: {} lines were left out, there were too many", area, *left_out);
  }
  logger.log(kLevels[static_cast<size_t>(level)], "{}: {}", area, line);
}

/// What large requests took goes back to the system when they are done, and the frames of usual
/// batches (1 MiB) stay with the process. One arena: what one reactor has freed serves the others
/// too; requests in steady state do not come here.
void set_up_memory() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 2 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

void set_up_log() {
  auto logger =
      std::make_shared<spdlog::logger>("semel", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("[%Y-%m-%d %H:%M:%S,%e] %l %v");
  logger->flush_on(spdlog::level::info);
  const char* wanted = std::getenv("SEMEL_LOG_LEVEL");
  const auto level = wanted != nullptr ? spdlog::level::from_str(wanted) : spdlog::level::info;
  logger->set_level(level);
  spdlog::set_default_logger(std::move(logger));
  set_log_sink(&write_log, level <= spdlog::level::debug ? LogLevel::kTrace : LogLevel::kInfo);
}

/// Runs one broker until TERM or INT; the exit code of the process.
class Server {
 public:
  Server(rt::LinuxRuntime& os, broker::Config config, cli::Output& output)
      : os_(os),
        output_(output),
        broker_(os.runtime(), std::move(config), [this](const Error& error) {
          log_error("semel", "{}", error.context);
          exit_code_ = cli::kFailed;
          request_stop();
        }) {}

  int run() {
    const int signals[] = {SIGTERM, SIGINT};
    const auto watched = os_.watch_signals(signals, [this](int) {
      if (is_stopping_) ::_exit(cli::kFailed);
      request_stop();
    });
    if (!watched) {
      output_.err(fmt::format("semel: signals cannot be watched: {}\n", watched.error().context));
      return cli::kInternal;
    }
    os_.runtime().executors.front()->post([this] { rt::spawn(start()); });
    os_.run();
    return exit_code_;
  }

 private:
  rt::Task<void> start() {
    auto ready = co_await broker_.start();
    is_started_ = true;
    if (ready && !is_stopping_) {
      output_.out(fmt::format("semel ready: {}, data in {}\n", ready->addresses.front().to_text(),
                              ready->data));
      std::fflush(stdout);
      co_return;
    }
    if (!ready) {
      output_.err(fmt::format("semel: {}\n", ready.error().context));
      const bool is_conflict =
          ready.error().cause == Cause::kInUse || ready.error().cause == Cause::kLocked;
      exit_code_ = is_conflict ? cli::kConflict : cli::kFailed;
    }
    is_stopping_ = true;
    co_await stop();
  }

  void request_stop() {
    if (std::exchange(is_stopping_, true)) return;
    if (is_started_) rt::spawn(stop());
  }

  rt::Task<void> stop() {
    co_await broker_.stop();
    os_.request_stop();
  }

  rt::LinuxRuntime& os_;
  cli::Output& output_;
  broker::Broker broker_;
  int exit_code_ = cli::kOk;
  bool is_started_ = false;
  bool is_stopping_ = false;
};

uint32_t reactor_count(const broker::Config& config) {
  const int64_t wanted = config.number("semel.reactors");
  if (wanted > 0) return static_cast<uint32_t>(wanted);
  // One for each processor that this process may use (taskset, a container's cpuset).
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
    return static_cast<uint32_t>(CPU_COUNT(&allowed));
  return static_cast<uint32_t>(std::max(1l, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

int serve(const cli::ServePlan& plan, cli::Output& output) {
  if (const auto* code = std::get_if<cli::ExitCode>(&plan)) return *code;
  const auto& config = std::get<broker::Config>(plan);
  set_up_log();
  set_up_memory();
  auto os = rt::LinuxRuntime::create(
      {.reactors = reactor_count(config),
       .io_threads = static_cast<uint32_t>(config.number("semel.io.threads"))});
  if (!os) {
    output.err(fmt::format("semel: {}\n", os.error().context));
    return cli::kInternal;
  }
  return Server(**os, config, output).run();
}

cli::DumpStyle style_of_environment() {
  const char* version = std::getenv("SEMEL_AS_VERSION");
  const bool is_26 = version != nullptr && std::string_view(version).starts_with("2.6");
  return is_26 ? cli::DumpStyle::kKafka26 : cli::DumpStyle::kKafka43;
}

int run(int argc, char** argv) {
  cli::StandardOutput output;
  // Its disk, clock and chance serve the calling thread.
  auto os = rt::LinuxRuntime::create({.reactors = 1, .io_threads = 1});
  if (!os) {
    output.err(fmt::format("semel: {}\n", os.error().context));
    return cli::kInternal;
  }
  rt::Runtime& runtime = (*os)->runtime();
  char directory[PATH_MAX];
  const std::string path = argc > 0 ? argv[0] : "semel";
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  cli::CommandContext context{
      .output = output,
      .runtime = runtime,
      .paths = {*runtime.disk, ::getcwd(directory, sizeof directory) != nullptr ? directory : "."},
      .connect =
          [&](const cli::ClusterAddress& to) { return cli::connect_to_cluster(to, *runtime.disk); },
      .style = style_of_environment(),
      .serve = [&](const cli::ServePlan& plan) { return serve(plan, output); }};
  return cli::run_program(path.substr(path.rfind('/') + 1), words, context);
}

}  // namespace
}  // namespace semel

int main(int argc, char** argv) { return semel::run(argc, argv); }
