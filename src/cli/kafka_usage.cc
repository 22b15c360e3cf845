// The help text of several of Kafka's tools, which scripts compare: Kafka 4.3.1's and 2.6.0's.
#include "cli/kafka_usage.h"

namespace semel::cli {

// clang-format off
const char* const kKafkaGetOffsetsUsage = R"usage(Option                                   Description                           
------                                   -----------                           
--bootstrap-server <String: HOST1:       REQUIRED. The server(s) to connect to 
  PORT1,...,HOST3:PORT3>                   in the form HOST1:PORT1,HOST2:PORT2.
--command-config <String: config file>   Property file containing configs to be
                                           passed to Admin Client.             
--exclude-internal-topics                By default, internal topics are       
                                           included. If specified, internal    
                                           topics are excluded.                
--help                                   Print usage information.              
--partitions <String: partition ids>     Comma separated list of partition ids 
                                           to get the offsets for. If not      
                                           present, all partitions of the      
                                           authorized topics are queried.      
                                           Cannot be used if --topic-partitions
                                           is present.                         
--time <String: <timestamp> / -1 or      timestamp of the offsets before that. 
  latest / -2 or earliest / -3 or max-     [Note: No offset is returned, if the
  timestamp / -4 or earliest-local /       timestamp greater than recently     
  -5 or latest-tiered / -6 or earliest-    committed record timestamp is       
  pending-upload>                          given.] (default: latest)           
--topic <String: topic>                  The topic to get the offsets for. It  
                                           also accepts a regular expression.  
                                           If not present, all authorized      
                                           topics are queried. Cannot be used  
                                           if --topic-partitions is present.   
--topic-partitions <String: topic1:1,    Comma separated list of topic-        
  topic2:0-3,topic3,topic4:5-,topic5:-3    partition patterns to get the       
  >                                        offsets for, with the format of     
                                           '([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)
                                           -([0-9]*))))?'. The first group is  
                                           an optional regex for the topic     
                                           name, if omitted, it matches any    
                                           topic name. The section after ':'   
                                           describes a 'partition' pattern,    
                                           which can be: a number, a range in  
                                           the format of 'NUMBER-NUMBER' (lower
                                           inclusive, upper exclusive), an     
                                           inclusive lower bound in the format 
                                           of 'NUMBER-', an exclusive upper    
                                           bound in the format of '-NUMBER' or 
                                           may be omitted to accept all        
                                           partitions.                         
--version                                Display Kafka version.                
)usage";

const char* const kKafkaDeleteRecordsUsage = R"usage(Option                                 Description                           
------                                 -----------                           
--bootstrap-server <String: server(s)  REQUIRED: The server to connect to.   
  to use for bootstrapping>                                                  
--command-config <String: command      A property file containing configs to 
  config property file path>             be passed to Admin Client.          
--help                                 Print usage information.              
--offset-json-file <String: Offset     REQUIRED: The JSON file with offset   
  json file path>                        per partition. The format to use is:
                                       {"partitions":                        
                                         [{"topic": "foo", "partition": 1,   
                                         "offset": 1}],                      
                                        "version":1                          
                                       }                                     
--version                              Display Kafka version.                
)usage";

const char* const kKafkaLogDirsUsage = R"usage(Option                                  Description                           
------                                  -----------                           
--bootstrap-server <String: The server  REQUIRED: the server(s) to use for    
  (s) to use for bootstrapping>           bootstrapping                       
--broker-list <String: Broker list>     The list of brokers to be queried in  
                                          the form "0,1,2". All brokers in the
                                          cluster will be queried if no broker
                                          list is specified (default: )       
--command-config <String: Admin client  Property file containing configs to be
  property file>                          passed to Admin Client.             
--describe                              Describe the specified log directories
                                          on the specified brokers.           
--help                                  Print usage information.              
--topic-list <String: Topic list>       The list of topics to be queried in   
                                          the form "topic1,topic2,topic3". All
                                          topics will be queried if no topic  
                                          list is specified (default: )       
--version                               Display Kafka version.                
)usage";

const char* const kKafkaLogDirsUsage26 = R"usage(Option                                  Description                           
------                                  -----------                           
--bootstrap-server <String: The server  REQUIRED: the server(s) to use for    
  (s) to use for bootstrapping>           bootstrapping                       
--broker-list <String: Broker list>     The list of brokers to be queried in  
                                          the form "0,1,2". All brokers in the
                                          cluster will be queried if no broker
                                          list is specified                   
--command-config <String: Admin client  Property file containing configs to be
  property file>                          passed to Admin Client.             
--describe                              Describe the specified log directories
                                          on the specified brokers.           
--help                                  Print usage information.              
--topic-list <String: Topic list>       The list of topics to be queried in   
                                          the form "topic1,topic2,topic3". All
                                          topics will be queried if no topic  
                                          list is specified (default: )       
--version                               Display Kafka version.                
)usage";

const char* const kKafkaApiVersionsUsage = R"usage(Option                                 Description                          
------                                 -----------                          
--bootstrap-server <String: server(s)  REQUIRED: The server to connect to.  
  to use for bootstrapping>                                                 
--command-config <String: command      A property file containing configs to
  config property file>                  be passed to Admin Client.         
--help                                 Print usage information.             
--version                              Display Kafka version.               
)usage";
// clang-format on

}  // namespace semel::cli
