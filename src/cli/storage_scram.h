// `--add-scram` of kafka-storage.sh: "SCRAM-SHA-256=[name=alice,password=secret]" as a record.
#pragma once

#include <string_view>

#include "base/result.h"
#include "gen/metadata/user_scram_credential_record.h"
#include "rt/random.h"

namespace semel::cli {

/// Keys: name; password, or saltedpassword with salt; salt and saltedpassword in base64; iterations
/// (4096 … 16384, 4096 without). Error: kInvalidConfig in the words of Kafka's tool.
Result<gen::UserScramCredentialRecord> parse_scram_record(std::string_view text,
                                                          rt::Random& random);
/// As Java prints the record.
std::string scram_record_text(const gen::UserScramCredentialRecord& record);

}  // namespace semel::cli
