module compat

go 1.23

require github.com/twmb/franz-go v1.18.0
