// Help texts of Kafka's console clients, without the sentence that stands before them.
#pragma once

namespace semel::cli {

extern const char* const kConsoleProducerUsage;
extern const char* const kConsoleProducerUsage26;
extern const char* const kConsoleConsumerUsage;

}  // namespace semel::cli
