// The help texts of Kafka's console clients, which scripts compare.
#include "cli/kafka_console_usage.h"

namespace semel::cli {

// clang-format off
const char* const kConsoleProducerUsage = R"usage(Option                                   Description                            
------                                   -----------                            
--batch-size <Integer: size>             The buffer size in bytes allocated for 
                                           a partition. When records are        
                                           received which are smaller than this 
                                           size the producer will attempt to    
                                           optimistically group them together   
                                           until this size is reached. This is  
                                           the option to control batch.size in  
                                           producer configs. Please note that   
                                           this option will be replaced if max- 
                                           partition-memory-bytes is also set.  
                                           (default: 16384)                     
--bootstrap-server <String: server to    REQUIRED: The server(s) to connect to. 
  connect to>                              The broker list string in the form   
                                           HOST1:PORT1,HOST2:PORT2.             
--command-config <String: config file>   Producer config properties file. Note  
                                           that [command-property] takes        
                                           precedence over this config.         
--command-property <String:              Producer config properties in the form 
  producer_prop>                           key=value.                           
--compression-codec [String:             The compression codec: either 'none',  
  compression-codec]                       'gzip', 'snappy', 'lz4', or 'zstd'.  
                                           If specified without value, then it  
                                           defaults to 'gzip'                   
--help                                   Print usage information.               
--line-reader <String: reader_class>     The class name of the class to use for 
                                           reading lines from standard in. By   
                                           default each line is read as a       
                                           separate message. (default: org.     
                                           apache.kafka.tools.LineMessageReader)
--max-block-ms <Long: max block on       The max time that the producer will    
  send>                                    block for during a send request.     
                                           (default: 60000)                     
--max-memory-bytes <Long: total memory   The total memory used by the producer  
  in bytes>                                to buffer records waiting to be sent 
                                           to the server. This is the option to 
                                           control `buffer.memory` in producer  
                                           configs. (default: 33554432)         
--max-partition-memory-bytes <Integer:   (Deprecated) The buffer size in bytes  
  memory in bytes per partition>           allocated for a partition. When      
                                           records are received which are       
                                           smaller than this size the producer  
                                           will attempt to optimistically group 
                                           them together until this size is     
                                           reached. This is the option to       
                                           control batch.size in producer       
                                           configs. This option will be removed 
                                           in Apache Kafka 5.0. Use --batch-    
                                           size instead. (default: 16384)       
--message-send-max-retries <Integer>     Brokers can fail receiving the message 
                                           for multiple reasons, and being      
                                           unavailable transiently is just one  
                                           of them. This property specifies the 
                                           number of retries before the         
                                           producer give up and drop this       
                                           message. This is the option to       
                                           control `retries` in producer        
                                           configs. (default: 3)                
--metadata-expiry-ms <Long: metadata     The period of time in milliseconds     
  expiration interval>                     after which we force a refresh of    
                                           metadata even if we haven't seen any 
                                           leadership changes. This is the      
                                           option to control `metadata.max.age. 
                                           ms` in producer configs. (default:   
                                           300000)                              
--producer-property <String:             (DEPRECATED) Producer config           
  producer_prop>                           properties in the form key=value.    
                                           This option will be removed in a     
                                           future version. Use --command-       
                                           property instead.                    
--producer.config <String: config file>  (DEPRECATED) Producer config           
                                           properties file. Note that [command- 
                                           property] takes precedence over this 
                                           config. This option will be removed  
                                           in a future version. Use --command-  
                                           config instead.                      
--property <String: prop>                (DEPRECATED) A mechanism to pass user- 
                                           defined properties in the form       
                                           key=value to the message reader.     
                                           This allows custom configuration for 
                                           a user-defined message reader.       
                                         Default properties include:            
                                          parse.key=false                       
                                          parse.headers=false                   
                                          ignore.error=false                    
                                          key.separator=\t                      
                                          headers.delimiter=\t                  
                                          headers.separator=,                   
                                          headers.key.separator=:               
                                          null.marker=   When set, any fields   
                                           (key, value and headers) equal to    
                                           this will be replaced by null        
                                         Default parsing pattern when:          
                                          parse.headers=true and parse.key=true:
                                           "h1:v1,h2:v2...\tkey\tvalue"         
                                          parse.key=true:                       
                                           "key\tvalue"                         
                                          parse.headers=true:                   
                                           "h1:v1,h2:v2...\tvalue"              
                                          This option will be removed in a      
                                           future version. Use --reader-        
                                           property instead.                    
--reader-config <String: config file>    Config properties file for the message 
                                           reader. Note that [reader-property]  
                                           takes precedence over this config.   
--reader-property <String: prop>         A mechanism to pass user-defined       
                                           properties in the form key=value to  
                                           the message reader. This allows      
                                           custom configuration for a user-     
                                           defined message reader.              
                                         Default properties include:            
                                          parse.key=false                       
                                          parse.headers=false                   
                                          ignore.error=false                    
                                          key.separator=\t                      
                                          headers.delimiter=\t                  
                                          headers.separator=,                   
                                          headers.key.separator=:               
                                          null.marker=   When set, any fields   
                                           (key, value and headers) equal to    
                                           this will be replaced by null        
                                         Default parsing pattern when:          
                                          parse.headers=true and parse.key=true:
                                           "h1:v1,h2:v2...\tkey\tvalue"         
                                          parse.key=true:                       
                                           "key\tvalue"                         
                                          parse.headers=true:                   
                                           "h1:v1,h2:v2...\tvalue"              
--request-required-acks <String:         The required `acks` of the producer    
  request required acks>                   requests (default: -1)               
--request-timeout-ms <Integer: request   The ack timeout of the producer        
  timeout ms>                              requests. Value must be non-negative 
                                           and non-zero. (default: 1500)        
--retry-backoff-ms <Long>                Before each retry, the producer        
                                           refreshes the metadata of relevant   
                                           topics. Since leader election takes  
                                           a bit of time, this property         
                                           specifies the amount of time that    
                                           the producer waits before refreshing 
                                           the metadata. This is the option to  
                                           control `retry.backoff.ms` in        
                                           producer configs. (default: 100)     
--socket-buffer-size <Integer: size>     The size of the tcp RECV size. This is 
                                           the option to control `send.buffer.  
                                           bytes` in producer configs.          
                                           (default: 102400)                    
--sync                                   If set message send requests to the    
                                           brokers are synchronously, one at a  
                                           time as they arrive.                 
--timeout <Long: timeout_ms>             If set and the producer is running in  
                                           asynchronous mode, this gives the    
                                           maximum amount of time a message     
                                           will queue awaiting sufficient batch 
                                           size. The value is given in ms. This 
                                           is the option to control `linger.ms` 
                                           in producer configs. (default: 1000) 
--topic <String: topic>                  REQUIRED: The topic name to produce    
                                           messages to.                         
--version                                Display Kafka version.                 
)usage";

const char* const kConsoleProducerUsage26 = R"usage(Option                                   Description                            
------                                   -----------                            
--batch-size <Integer: size>             Number of messages to send in a single 
                                           batch if they are not being sent     
                                           synchronously. (default: 200)        
--bootstrap-server <String: server to    REQUIRED unless --broker-list          
  connect to>                              (deprecated) is specified. The server
                                           (s) to connect to. The broker list   
                                           string in the form HOST1:PORT1,HOST2:
                                           PORT2.                               
--broker-list <String: broker-list>      DEPRECATED, use --bootstrap-server     
                                           instead; ignored if --bootstrap-     
                                           server is specified.  The broker     
                                           list string in the form HOST1:PORT1, 
                                           HOST2:PORT2.                         
--compression-codec [String:             The compression codec: either 'none',  
  compression-codec]                       'gzip', 'snappy', 'lz4', or 'zstd'.  
                                           If specified without value, then it  
                                           defaults to 'gzip'                   
--help                                   Print usage information.               
--line-reader <String: reader_class>     The class name of the class to use for 
                                           reading lines from standard in. By   
                                           default each line is read as a       
                                           separate message. (default: kafka.   
                                           tools.                               
                                           ConsoleProducer$LineMessageReader)   
--max-block-ms <Long: max block on       The max time that the producer will    
  send>                                    block for during a send request      
                                           (default: 60000)                     
--max-memory-bytes <Long: total memory   The total memory used by the producer  
  in bytes>                                to buffer records waiting to be sent 
                                           to the server. (default: 33554432)   
--max-partition-memory-bytes <Long:      The buffer size allocated for a        
  memory in bytes per partition>           partition. When records are received 
                                           which are smaller than this size the 
                                           producer will attempt to             
                                           optimistically group them together   
                                           until this size is reached.          
                                           (default: 16384)                     
--message-send-max-retries <Integer>     Brokers can fail receiving the message 
                                           for multiple reasons, and being      
                                           unavailable transiently is just one  
                                           of them. This property specifies the 
                                           number of retires before the         
                                           producer give up and drop this       
                                           message. (default: 3)                
--metadata-expiry-ms <Long: metadata     The period of time in milliseconds     
  expiration interval>                     after which we force a refresh of    
                                           metadata even if we haven't seen any 
                                           leadership changes. (default: 300000)
--producer-property <String:             A mechanism to pass user-defined       
  producer_prop>                           properties in the form key=value to  
                                           the producer.                        
--producer.config <String: config file>  Producer config properties file. Note  
                                           that [producer-property] takes       
                                           precedence over this config.         
--property <String: prop>                A mechanism to pass user-defined       
                                           properties in the form key=value to  
                                           the message reader. This allows      
                                           custom configuration for a user-     
                                           defined message reader. Default      
                                           properties include:                  
                                         	parse.key=true|false                  
                                         	key.separator=<key.separator>         
                                         	ignore.error=true|false               
--request-required-acks <String:         The required acks of the producer      
  request required acks>                   requests (default: 1)                
--request-timeout-ms <Integer: request   The ack timeout of the producer        
  timeout ms>                              requests. Value must be non-negative 
                                           and non-zero (default: 1500)         
--retry-backoff-ms <Integer>             Before each retry, the producer        
                                           refreshes the metadata of relevant   
                                           topics. Since leader election takes  
                                           a bit of time, this property         
                                           specifies the amount of time that    
                                           the producer waits before refreshing 
                                           the metadata. (default: 100)         
--socket-buffer-size <Integer: size>     The size of the tcp RECV size.         
                                           (default: 102400)                    
--sync                                   If set message send requests to the    
                                           brokers are synchronously, one at a  
                                           time as they arrive.                 
--timeout <Integer: timeout_ms>          If set and the producer is running in  
                                           asynchronous mode, this gives the    
                                           maximum amount of time a message     
                                           will queue awaiting sufficient batch 
                                           size. The value is given in ms.      
                                           (default: 1000)                      
--topic <String: topic>                  REQUIRED: The topic id to produce      
                                           messages to.                         
--version                                Display Kafka version.                 
)usage";

const char* const kConsoleConsumerUsage = R"usage(Option                                   Description                            
------                                   -----------                            
--bootstrap-server <String: server to    REQUIRED: The server(s) to connect to. 
  connect to>                                                                   
--command-config <String: config file>   Consumer config properties file. Note  
                                           that [command-property] takes        
                                           precedence over this config.         
--command-property <String:              Consumer config properties in the form 
  consumer_prop>                           key=value.                           
--consumer-property <String:             (DEPRECATED) Consumer config           
  consumer_prop>                           properties in the form key=value.    
                                           This option will be removed in a     
                                           future version. Use --command-       
                                           property instead.                    
--consumer.config <String: config file>  (DEPRECATED) Consumer config           
                                           properties file. Note that [command- 
                                           property] takes precedence over this 
                                           config. This option will be removed  
                                           in a future version. Use --command-  
                                           config instead.                      
--enable-systest-events                  Log lifecycle events of the consumer   
                                           in addition to logging consumed      
                                           messages. (This is specific for      
                                           system tests.)                       
--formatter <String: class>              The name of a class to use for         
                                           formatting kafka messages for        
                                           display. (default: org.apache.kafka. 
                                           tools.consumer.                      
                                           DefaultMessageFormatter)             
--formatter-config <String: config       Config properties file to initialize   
  file>                                    the message formatter. Note that     
                                           [formatter-property] takes           
                                           precedence over this config.         
--formatter-property <String: prop>      The properties to initialize the       
                                           message formatter. Default           
                                           properties include:                  
                                          print.timestamp=true|false            
                                          print.key=true|false                  
                                          print.offset=true|false               
                                          print.epoch=true|false                
                                          print.partition=true|false            
                                          print.headers=true|false              
                                          print.value=true|false                
                                          key.separator=<key.separator>         
                                          line.separator=<line.separator>       
                                          headers.separator=<headers.separator> 
                                          null.literal=<null.literal>           
                                          key.deserializer=<key.deserializer>   
                                          value.deserializer=<value.            
                                           deserializer>                        
                                          header.deserializer=<header.          
                                           deserializer>                        
                                         Users can also pass in customized      
                                           properties for their formatter; more 
                                           specifically, users can pass in      
                                           properties keyed with 'key.          
                                           deserializer.', 'value.              
                                           deserializer.' and 'headers.         
                                           deserializer.' prefixes to configure 
                                           their deserializers.                 
--from-beginning                         If the consumer does not already have  
                                           an established offset to consume     
                                           from, start with the earliest        
                                           message present in the log rather    
                                           than the latest message.             
--group <String: consumer group id>      The consumer group id of the consumer. 
--help                                   Print usage information.               
--include <String: Java regex (String)>  Regular expression specifying list of  
                                           topics to include for consumption.   
--isolation-level <String>               Set to read_committed in order to      
                                           filter out transactional messages    
                                           which are not committed. Set to      
                                           read_uncommitted to read all         
                                           messages. (default: read_uncommitted)
--key-deserializer <String:              The name of the class to use for       
  deserializer for keys>                   deserializing keys.                  
--max-messages <Integer: num_messages>   The maximum number of messages to      
                                           consume before exiting. If not set,  
                                           consumption is continual.            
--offset <String: consume offset>        The offset to consume from (a non-     
                                           negative number), or 'earliest'      
                                           which means from beginning, or       
                                           'latest' which means from end        
                                           (default: latest)                    
--partition <Integer: partition>         The partition to consume from.         
                                           Consumption starts from the end of   
                                           the partition unless '--offset' is   
                                           specified.                           
--property <String: prop>                (DEPRECATED) The properties to         
                                           initialize the message formatter.    
                                           Default properties include:          
                                          print.timestamp=true|false            
                                          print.key=true|false                  
                                          print.offset=true|false               
                                          print.epoch=true|false                
                                          print.partition=true|false            
                                          print.headers=true|false              
                                          print.value=true|false                
                                          key.separator=<key.separator>         
                                          line.separator=<line.separator>       
                                          headers.separator=<headers.separator> 
                                          null.literal=<null.literal>           
                                          key.deserializer=<key.deserializer>   
                                          value.deserializer=<value.            
                                           deserializer>                        
                                          header.deserializer=<header.          
                                           deserializer>                        
                                         Users can also pass in customized      
                                           properties for their formatter; more 
                                           specifically, users can pass in      
                                           properties keyed with 'key.          
                                           deserializer.', 'value.              
                                           deserializer.' and 'headers.         
                                           deserializer.' prefixes to configure 
                                           their deserializers.                 
                                         This option will be removed in a       
                                           future version. Use --formatter-     
                                           property instead.                    
--skip-message-on-error                  If there is an error when processing a 
                                           message, skip it instead of halt.    
--timeout-ms <Long: timeout_ms>          If specified, exit if no message is    
                                           available for consumption for the    
                                           specified interval.                  
--topic <String: topic>                  The topic to consume from.             
--value-deserializer <String:            The name of the class to use for       
  deserializer for values>                 deserializing values.                
--version                                Display Kafka version.                 
)usage";

// clang-format on

}  // namespace semel::cli
