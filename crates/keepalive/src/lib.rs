//! Liveness profiles of lastword: when a silent peer is given up, and the kernel knobs that go with it.
