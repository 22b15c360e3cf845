// Transcripts: testdata/*.txt hold commands (lines with '>') and what the core answered. The runner
// plays the commands and compares the whole text. With SEMEL_ACCEPT set it writes the answers down.
#include "quorum/quorum.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace semel::quorum {
namespace {

/// `start epochs=1:0,2:10 end=20` -> name and key=value pairs.
struct Command {
  std::string name;
  std::map<std::string, std::string> values;

  explicit Command(const std::string& line) {
    std::istringstream words(line);
    words >> name;
    for (std::string word; words >> word;) {
      const size_t at = word.find('=');
      values[word.substr(0, at)] = at == std::string::npos ? "" : word.substr(at + 1);
    }
  }
  int64_t number(const std::string& key, int64_t otherwise) const {
    const auto at = values.find(key);
    return at == values.end() ? otherwise : std::stoll(at->second);
  }
  std::optional<LogPoint> point(const std::string& key) const {
    const auto at = values.find(key);
    if (at == values.end()) return std::nullopt;
    const size_t dash = at->second.find('-');
    return LogPoint{Offset{std::stoll(at->second.substr(0, dash))},
                    LeaderEpoch{std::stoi(at->second.substr(dash + 1))}};
  }
  std::vector<EpochStart> epochs() const {
    std::vector<EpochStart> result;
    const auto at = values.find("epochs");
    if (at == values.end()) return result;
    std::istringstream list(at->second);
    for (std::string item; std::getline(list, item, ',');) {
      const size_t colon = item.find(':');
      result.push_back({LeaderEpoch{std::stoi(item.substr(0, colon))},
                        Offset{std::stoll(item.substr(colon + 1))}});
    }
    return result;
  }
};

class Player {
 public:
  std::string play(const Command& command) {
    if (command.name == "start") return start(command);
    if (command.name == "appended") {
      quorum_->on_appended(Offset{command.number("end", 0)});
      return "";
    }
    if (command.name == "flushed")
      return text(quorum_->on_flushed(Offset{command.number("end", 0)}));
    if (command.name == "fetch") return fetch(command);
    if (command.name == "end_of_epoch") {
      const LogPoint point =
          quorum_->end_of_epoch(LeaderEpoch{int32_t(command.number("epoch", 0))});
      return fmt::format("epoch {} ends at {}\n", point.epoch.value, point.end.value);
    }
    if (command.name == "snapshots") {
      quorum_->on_snapshots(*command.point("oldest"), *command.point("latest"),
                            Offset{command.number("log_start", 0)});
      return "";
    }
    if (command.name == "resign") {
      quorum_->resign();
      return fmt::format("{}\n", state_name(quorum_->state()));
    }
    if (command.name == "observers") return observers();
    return "unknown command\n";
  }

 private:
  std::string start(const Command& command) {
    const int32_t id = int32_t(command.number("id", 1));
    NodeIdentity self{.id = id, .directory = Uuid::from_halves(0, 7), .endpoints = {}};
    if (command.values.contains("port"))
      self.endpoints.push_back({"CONTROLLER", "localhost", uint16_t(command.number("port", 0))});
    quorum_.emplace(self);
    ElectionState persisted;
    persisted.leader_id = int32_t(command.number("leader", -1));
    persisted.epoch.value = int32_t(command.number("epoch", 0));
    LogFacts facts;
    facts.start = Offset{command.number("log_start", 0)};
    facts.end = Offset{command.number("end", 0)};
    facts.epochs = command.epochs();
    facts.oldest_snapshot = command.point("oldest");
    facts.latest_snapshot = command.point("latest");
    facts.kraft_version = int16_t(command.number("kraft", 0));
    facts.voters_are_in_log = command.values.contains("voters_in_log");
    for (int64_t voter = 1; voter <= command.number("voters", 1); ++voter)
      facts.voters.push_back({.id = int32_t(voter),
                              .directory = Uuid::from_halves(0, 7),
                              .endpoints = {{"CONTROLLER", "localhost", 9093}}});
    auto output = quorum_->start(persisted, std::move(facts));
    if (!output) return fmt::format("refused {}\n", error_name(output.error().code));
    return text(*output);
  }

  std::string text(const Output& output) {
    std::string result;
    if (output.persist)
      result += "persist " + to_text(*output.persist, quorum_->kraft_version()) + "\n";
    if (output.append) {
      result += fmt::format("append epoch={} LeaderChange leader={} voters={}",
                            output.append->epoch.value, output.append->leader_id,
                            output.append->voters.size());
      if (output.append->kraft_version)
        result += fmt::format(" KRaftVersion={}", *output.append->kraft_version);
      if (output.append->voter_set) {
        const Voter& voter = output.append->voter_set->front();
        result += fmt::format(" KRaftVoters={}@{}:{}", voter.id, voter.endpoints.front().host,
                              voter.endpoints.front().port);
      }
      result += "\n";
    }
    if (output.high_watermark)
      result += fmt::format("high watermark {}\n", output.high_watermark->value);
    return result;
  }

  std::string fetch(const Command& command) {
    const FetchVerdict verdict = quorum_->on_fetch(
        {.replica_id = int32_t(command.number("replica", 2)),
         .replica_directory = {},
         .current_leader_epoch = LeaderEpoch{int32_t(command.number("epoch", -1))},
         .fetch_offset = Offset{command.number("offset", 0)},
         .last_fetched_epoch = LeaderEpoch{int32_t(command.number("last", 0))}},
        command.number("now", 0));
    switch (verdict.kind) {
      case FetchVerdict::Kind::kRecords:
        return "records\n";
      case FetchVerdict::Kind::kDiverging:
        return fmt::format("diverging epoch={} end={}\n", verdict.point.epoch.value,
                           verdict.point.end.value);
      case FetchVerdict::Kind::kSnapshot:
        return fmt::format("snapshot {}-{}\n", verdict.point.end.value, verdict.point.epoch.value);
      case FetchVerdict::Kind::kError:
        return fmt::format("error {}\n", error_name(verdict.error));
    }
    return "?";
  }

  std::string observers() {
    std::string result;
    for (const auto& [key, progress] : quorum_->observers())
      result +=
          fmt::format("observer {} end={} fetched={} caught_up={}\n", key.first,
                      progress.log_end.value, progress.last_fetch_ms, progress.last_caught_up_ms);
    return result;
  }

  std::optional<Quorum> quorum_;
};

std::string run(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string result;
  Player player;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#") || line.empty()) result += line + "\n";
    if (line.starts_with("> ")) result += line + "\n" + player.play(Command(line.substr(2)));
  }
  return result;
}

TEST(Quorum, TranscriptsAreAnsweredAsWritten) {
  size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(SEMEL_SOURCE_DIR "/src/quorum/testdata")) {
    std::ifstream file(entry.path());
    std::stringstream written;
    written << file.rdbuf();
    const std::string played = run(entry.path());
    EXPECT_EQ(played, written.str()) << entry.path();
    if (std::getenv("SEMEL_ACCEPT") != nullptr) std::ofstream(entry.path()) << played;
    ++count;
  }
  EXPECT_GE(count, 4u);
}

TEST(Quorum, ObserversAreBounded) {
  Quorum quorum({.id = 1, .directory = {}, .endpoints = {}});
  LogFacts facts;
  facts.voters = {{.id = 1}};
  ASSERT_TRUE(quorum.start({}, facts).has_value());
  for (int32_t id = 2; id < 5000; ++id)
    quorum.on_fetch({.replica_id = id,
                     .replica_directory = {},
                     .current_leader_epoch = LeaderEpoch{1},
                     .fetch_offset = Offset{0},
                     .last_fetched_epoch = LeaderEpoch{0}},
                    1);
  EXPECT_LE(quorum.observers().size(), 1000u);
}

TEST(ElectionState, IsKafkasTextByteForByte) {
  const ElectionState fixed{.leader_id = 1,
                            .epoch = LeaderEpoch{2},
                            .voted_id = -1,
                            .voted_directory = {},
                            .current_voters = {1}};
  EXPECT_EQ(
      to_text(fixed, 0),
      R"({"clusterId":"","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0})");
  const ElectionState dynamic{.leader_id = 103,
                              .epoch = LeaderEpoch{10},
                              .voted_id = -1,
                              .voted_directory = {},
                              .current_voters = {}};
  EXPECT_EQ(
      to_text(dynamic, 1),
      R"({"leaderId":103,"leaderEpoch":10,"votedId":-1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1})");
  EXPECT_EQ(parse_election_state(to_text(fixed, 0)), fixed);
  EXPECT_EQ(parse_election_state(to_text(dynamic, 1)), dynamic);
}

TEST(ElectionState, HostileTextIsRefused) {
  for (const char* text :
       {"", "{", "[]", "7", "null", R"({"data_version":2})", R"({"data_version":0})",
        R"({"leaderId":1,"leaderEpoch":-2,"votedId":-1,"data_version":0})",
        R"({"leaderId":99999999999,"leaderEpoch":1,"votedId":-1,"data_version":0})",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"currentVoters":[3],"data_version":0})",
        R"({"leaderId":1,"leaderEpoch":1,"votedId":-1,"votedDirectoryId":"x","data_version":1})"})
    EXPECT_FALSE(parse_election_state(text).has_value()) << text;
}

}  // namespace
}  // namespace semel::quorum
