//! Real sockets, processes and namespaces: one test per cause.
