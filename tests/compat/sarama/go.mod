module compat

go 1.23

require github.com/IBM/sarama v1.46.0
