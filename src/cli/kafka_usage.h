// Help texts of Kafka's tools, without the sentence that stands before them. Those whose name ends
// in 26 are 2.6.0's where it differs from 4.3.1's.
#pragma once

namespace semel::cli {

extern const char* const kKafkaTopicsUsage;
extern const char* const kKafkaTopicsUsage26;
extern const char* const kKafkaConfigsUsage;
extern const char* const kKafkaConfigsUsage26;
extern const char* const kKafkaGetOffsetsUsage;
extern const char* const kKafkaDeleteRecordsUsage;
extern const char* const kKafkaLogDirsUsage;
extern const char* const kKafkaLogDirsUsage26;
extern const char* const kKafkaApiVersionsUsage;

}  // namespace semel::cli
