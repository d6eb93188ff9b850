//! The command line and the sessions: the joints between `bpf`, `symbolizer` and `output`.
