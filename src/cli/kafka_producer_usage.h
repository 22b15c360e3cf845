// Usage (the first lines) and help (what follows) of kafka-producer-perf-test.sh and
// kafka-verifiable-producer.sh.
#pragma once

namespace semel::cli {

extern const char* const kProducerPerfUsage;
extern const char* const kProducerPerfHelp;
extern const char* const kVerifiableProducerUsage;
extern const char* const kVerifiableProducerHelp;

}  // namespace semel::cli
