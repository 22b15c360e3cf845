// semel_sim: whole brokers and clients in one thread per seed. A failure prints the command that
// replays it.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "plants.h"
#include "real_broker.h"
#include "rt/linux/io_pool.h"
#include "rt/linux/system_disk.h"
#include "scenario.h"
#include "testing/core_broker.h"
#include "workload_files.h"

namespace semel::sim {
namespace {

constexpr std::string_view kHelp =
    R"(semel_sim --seeds 1..200            seeds, each with the workload that is its turn
semel_sim --seed 17 --trace         one seed, telling what happens
semel_sim --plant all               every planted bug, its known seed first: each must be found
semel_sim --plant early_ack --seeds 1..1000   searches a seed that exposes a planted bug

  --workload NAME   a file of sim/workloads (without .txt), or a path
  --file FILE       lines "seed workload", as in sim/regressions.txt
  --jobs N          processes at a time (default 2)
  --twice           runs each seed twice and compares the traces
  --probes          tells how often rare things happened; what a workload expects must have happened
                    once it had 10 seeds
  --core            brokers without a controller: only the record path
  --limit S         seconds that one seed may take (default 120)
  --images DIR      writes the disks of crashed brokers there, up to three a seed
  --start-ms N      wall time at the start, Unix milliseconds
Exit code: 0 ok, 1 a violation was found or what is expected never happened (with --plant: none was
found), 2 usage.
)";

/// Exit code of a child that found violations; sanitizers and assertions have their own.
constexpr int kViolations = 77;
/// Seeds tried for a planted bug that its known seed does not show any more.
constexpr uint64_t kMoreSeeds = 80;
/// Seeds of a workload from which on every probe that it expects must have counted.
constexpr size_t kExpectingSeeds = 10;

struct Options {
  uint64_t first = 1;
  uint64_t last = 1;
  bool has_seeds = false;
  std::string workload;
  std::string plant;
  std::string file;
  std::string images;
  int64_t start_ms = 0;
  unsigned jobs = 2;
  unsigned limit_s = 120;
  bool wants_trace = false;
  bool runs_twice = false;
  bool wants_probes = false;
  bool is_core = false;
};

struct Job {
  uint64_t seed = 0;
  const PlantInfo* plant = nullptr;
  const Workload* workload = nullptr;
};

struct Outcome {
  bool is_clean = false;
  std::string text;
};

std::optional<uint64_t> to_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool parse_seeds(Options& options, std::string_view text) {
  const size_t dots = text.find("..");
  const auto first = to_number(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : to_number(text.substr(dots + 2));
  if (!first || !last || *last < *first) return false;
  options.first = *first;
  options.last = *last;
  options.has_seeds = true;
  return true;
}

bool parse_option(Options& options, std::string_view name, std::string_view value) {
  const auto number = to_number(value);
  if (name == "--seed" || name == "--seeds") return parse_seeds(options, value);
  if (name == "--workload") return options.workload = value, !value.empty();
  if (name == "--plant") return options.plant = value, !value.empty();
  if (name == "--file") return options.file = value, !value.empty();
  if (name == "--images") return options.images = value, !value.empty();
  if (name == "--start-ms")
    return options.start_ms = static_cast<int64_t>(number.value_or(0)), number.has_value();
  if (!number || *number == 0 || *number > 10'000) return false;
  if (name == "--jobs") return options.jobs = static_cast<unsigned>(*number), true;
  if (name == "--limit") return options.limit_s = static_cast<unsigned>(*number), true;
  return false;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--trace") {
      options.wants_trace = true;
    } else if (word == "--twice") {
      options.runs_twice = true;
    } else if (word == "--probes") {
      options.wants_probes = true;
    } else if (word == "--core") {
      options.is_core = true;
    } else {
      if (i + 1 >= argc || !parse_option(options, word, argv[i + 1])) return std::nullopt;
      ++i;
    }
  }
  return options;
}

std::string replay_line(const Job& job, const Options& options) {
  return fmt::format("semel_sim --seed {} --workload {}{}{}", job.seed, job.workload->name,
                     job.plant == nullptr ? "" : fmt::format(" --plant {}", job.plant->name),
                     options.is_core ? " --core" : "");
}

Report run_job(const Job& job, const Options& given, bool wants_trace) {
  rt::Plants plants;
  if (job.plant != nullptr) plants.*job.plant->flag = true;
  ScenarioOptions options;
  options.seed = job.seed;
  options.plants = job.plant != nullptr ? &plants : nullptr;
  rt::linux_os::IoPool pool(1);
  rt::linux_os::SystemDisk disk(pool);
  options.images_disk = given.images.empty() ? nullptr : &disk;
  options.images = given.images;
  options.unix_start_ms = given.start_ms;
  if (wants_trace) options.printer = [](std::string_view line) { fmt::print("{}\n", line); };
  return run_scenario(*job.workload, given.is_core ? core_broker_factory() : real_broker_factory(),
                      std::move(options));
}

/// In the child: the violations, then the counters, one line each.
int run_child(const Job& job, const Options& options, FILE* out) {
  const Report report = run_job(job, options, options.wants_trace);
  for (const Violation& violation : report.violations)
    fmt::print(out, "!{}: {}\n", violation.kind, violation.text);
  if (options.runs_twice && run_job(job, options, false).trace_hash != report.trace_hash)
    fmt::print(out, "!determinism: two runs of one seed differ\n");
  fmt::print(out, "=acknowledged records\t{}\n", report.acked);
  fmt::print(out, "=virtual seconds\t{}\n", report.virtual_ms / 1000);
  fmt::print(out, "=events\t{}\n", report.events);
  for (const auto& [name, count] : report.probes) fmt::print(out, "+{}\t{}\n", name, count);
  if (options.wants_trace)
    fmt::print("trace {:016x}, {} events, {} records sent, {} acknowledged, {} read\n",
               report.trace_hash, report.events, report.sent, report.acked, report.read);
  std::fflush(out);
  return report.violations.empty() ? 0 : kViolations;
}

class Runner {
 public:
  explicit Runner(const Options& options) : options_(options) {}

  /// Runs all jobs; returns the number of those that were not clean.
  size_t run(const std::vector<Job>& jobs, bool stops_at_first) {
    size_t next = 0;
    while (next < jobs.size() || !running_.empty()) {
      const bool may_start =
          next < jobs.size() && running_.size() < options_.jobs && !(stops_at_first && dirty_ > 0);
      if (may_start) {
        start(jobs[next++]);
        continue;
      }
      if (running_.empty()) break;
      collect(stops_at_first);
    }
    return dirty_;
  }
  const std::map<std::string, uint64_t>& counters() const { return counters_; }
  uint64_t probe(const Workload& workload, const std::string& name) const {
    const auto found = probes_.find({workload.name, name});
    return found == probes_.end() ? 0 : found->second;
  }
  const std::vector<Job>& found() const { return found_; }

 private:
  struct Running {
    Job job;
    FILE* in;
  };

  void start(const Job& job) {
    FILE* file = std::tmpfile();
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
      alarm(options_.limit_s);
      const int code = run_child(job, options_, file);
      std::fflush(nullptr);
      std::exit(code);
    }
    running_.emplace(pid, Running{job, file});
  }

  void collect(bool is_hunt) {
    int status = 0;
    const pid_t pid = wait(&status);
    const auto found = running_.find(pid);
    if (found == running_.end()) return;
    const Running running = found->second;
    running_.erase(found);
    std::string text = read(running.in, *running.job.workload);
    const bool has_exited =
        WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kViolations);
    if (!has_exited)
      text += WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
                  ? "  stuck: it took too long\n"
                  : "  crash: the process died, see above\n";
    if (text.empty()) return;
    ++dirty_;
    found_.push_back(running.job);
    if (is_hunt && dirty_ > 1) return;
    fmt::print("seed {} of {}:\n{}  replay: {}\n", running.job.seed, running.job.workload->name,
               text, replay_line(running.job, options_));
    std::fflush(stdout);
  }

  /// The violations as text; counters are added up.
  std::string read(FILE* in, const Workload& workload) {
    std::string text;
    std::rewind(in);
    char line[4096];
    while (std::fgets(line, sizeof line, in) != nullptr) {
      const std::string_view view(line);
      const size_t tab = view.find('\t');
      if (view.starts_with('!')) {
        text += fmt::format("  {}", view.substr(1));
      } else if (tab != std::string_view::npos) {
        const auto number = to_number(view.substr(tab + 1, view.size() - tab - 2));
        counters_[std::string(view.substr(0, tab))] += number.value_or(0);
        probes_[{workload.name, std::string(view.substr(1, tab - 1))}] += number.value_or(0);
      }
    }
    std::fclose(in);
    return text;
  }

  const Options& options_;
  std::map<pid_t, Running> running_;
  std::map<std::string, uint64_t> counters_;
  std::map<std::pair<std::string, std::string>, uint64_t> probes_;  // by workload and name
  std::vector<Job> found_;
  size_t dirty_ = 0;
};

int run_plants(const Options& options, const WorkloadFiles& files) {
  int missed = 0;
  for (const PlantInfo& plant : all_plants()) {
    if (options.plant != "all" && options.plant != plant.name) continue;
    const Workload* known =
        files.find(options.workload.empty() ? plant.workload : options.workload);
    if (known == nullptr) return 2;
    std::vector<Job> jobs;
    // What a seed meets changes with the code: behind the known one some more have their turn.
    if (!options.has_seeds) jobs.push_back({plant.seed, &plant, known});
    const uint64_t last = options.has_seeds ? options.last : kMoreSeeds;
    for (uint64_t seed = options.first; seed <= last; ++seed) jobs.push_back({seed, &plant, known});
    Runner runner(options);
    const bool is_found = runner.run(jobs, true) > 0;
    fmt::print("plant {}: {}\n", plant.name,
               is_found ? fmt::format("found, {}", replay_line(runner.found().front(), options))
                        : "not found");
    if (!is_found) ++missed;
  }
  return missed == 0 ? 0 : 1;
}

/// Tells which rare branches were not run by the workloads that are there for them; their number.
size_t check_expectations(const std::vector<Job>& jobs, const Runner& runner) {
  std::map<const Workload*, size_t> seeds;
  for (const Job& job : jobs) ++seeds[job.workload];
  size_t missed = 0;
  for (const auto& [workload, count] : seeds) {
    if (count < kExpectingSeeds) continue;
    for (const std::string& probe : workload->expected) {
      if (runner.probe(*workload, probe) > 0) continue;
      ++missed;
      fmt::print("{}: '{}' never happened in {} seeds\n", workload->name, probe, count);
    }
  }
  return missed;
}

int run_jobs(const Options& options, const std::vector<Job>& jobs) {
  Runner runner(options);
  const size_t dirty = runner.run(jobs, false);
  const size_t missed = check_expectations(jobs, runner);
  fmt::print("{} seeds, {} with violations\n", jobs.size(), dirty);
  for (const auto& [name, count] : runner.counters())
    if (name.starts_with('=') || options.wants_probes)
      fmt::print("  {:<60} {}\n", name.substr(1), count);
  return dirty + missed == 0 ? 0 : 1;
}

/// Lines "seed workload", comments behind '#'.
int run_file(const Options& options, const WorkloadFiles& files) {
  std::ifstream in(options.file);
  std::vector<Job> jobs;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    uint64_t seed = 0;
    std::string workload;
    if (!(words >> seed >> workload)) continue;
    const Workload* known = files.find(workload);
    if (known == nullptr) return 2;
    jobs.push_back({seed, nullptr, known});
  }
  return jobs.empty() ? 2 : run_jobs(options, jobs);
}

int run_seeds(const Options& options, const WorkloadFiles& files) {
  const Workload* only = options.workload.empty() ? nullptr : files.find(options.workload);
  if (!options.workload.empty() && only == nullptr) return 2;
  std::vector<Job> jobs;
  for (uint64_t seed = options.first; seed <= options.last; ++seed)
    jobs.push_back({seed, nullptr, only != nullptr ? only : &files.of_turn(seed)});
  return run_jobs(options, jobs);
}

void print_log_line(LogLevel, std::string_view area, std::string_view line) {
  fmt::print("    {}: {}\n", area, line);
}
void drop_log_line(LogLevel, std::string_view, std::string_view) {}

int run(int argc, char** argv) {
  const auto options = parse(argc, argv);
  if (!options) {
    fmt::print("{}", kHelp);
    return 2;
  }
  set_log_sink(options->wants_trace ? print_log_line : drop_log_line, LogLevel::kInfo);
  const auto files = load_workload_files(SEMEL_WORKLOADS, options->workload);
  if (!files) {
    fmt::print(stderr, "{}\n", files.error().context);
    return 2;
  }
  if (!options->file.empty()) return run_file(*options, *files);
  return options->plant.empty() ? run_seeds(*options, *files) : run_plants(*options, *files);
}

}  // namespace
}  // namespace semel::sim

int main(int argc, char** argv) { return semel::sim::run(argc, argv); }
